import { Button, Drawer } from "@mantine/core";
import { useDisclosure, useDocumentTitle, useMediaQuery } from "@mantine/hooks";
import { IconListCheck } from "@tabler/icons-react";
import { useRef } from "react";
import { useCan, useProject } from "../live/project";
import { type Queue, useQueue } from "../live/queue";
import { count } from "../parts/format";
import { DropAnywhere, FileChooser, NoImages } from "./project/drop";
import { Crumbs, Header } from "./project/header";
import { Images } from "./project/images";
import classes from "./project/project.module.css";
import { QueuePanel } from "./project/queue-panel";

export function ProjectPage() {
  const { id, name, stats } = useProject();
  useDocumentTitle(`${name} · Cell Segmentation Hub`);
  const canEdit = useCan("EDITOR");
  const choose = useRef<() => void>(null);
  const onChoose = () => choose.current?.();
  const queue = useQueue(id);
  const isWide = useMediaQuery("(min-width: 1100px)", true, { getInitialValueInEffect: false });

  return (
    <>
      <Crumbs />
      <Header onUpload={onChoose} />
      {canEdit && (
        <>
          <FileChooser ref={choose} />
          <DropAnywhere />
        </>
      )}
      <div className={classes.columns}>
        <section aria-label="Images" className={classes.images}>
          <Images>{!isWide && <QueueButton queue={queue} />}</Images>
          {stats.imageCount === 0 && <NoImages canEdit={canEdit} onChoose={onChoose} />}
        </section>
        {isWide && (
          <aside aria-label="Queue" className={classes.side}>
            <div className={`card ${classes.panel}`}>
              <QueuePanel queue={queue} />
            </div>
          </aside>
        )}
      </div>
    </>
  );
}

function QueueButton({ queue }: { queue: Queue | null }) {
  const { name } = useProject();
  const [isOpen, { open, close }] = useDisclosure(false);
  return (
    <>
      <Button
        variant="default"
        leftSection={<IconListCheck size={16} aria-hidden />}
        onClick={open}
        className="numbers"
      >
        Queue{queue?.total ? ` (${count(queue.total)})` : ""}
      </Button>
      <Drawer opened={isOpen} onClose={close} position="bottom" size="75%" title={name}>
        <QueuePanel queue={queue} />
      </Drawer>
    </>
  );
}
