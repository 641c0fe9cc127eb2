import { useDocumentTitle, useMediaQuery } from "@mantine/hooks";
import { lazy, Suspense, useRef } from "react";
import { loaded } from "../api/loaded";
import { useCan, useProject } from "../live/project";
import { useQueue } from "../live/queue";
import { DropAnywhere, FileChooser, NoImages } from "./project/drop";
import { Crumbs, Header } from "./project/header";
import { Images } from "./project/images";
import classes from "./project/project.module.css";
import { QueuePanel } from "./project/queue-panel";

// On narrow screens alone.
const QueueButton = lazy(async () => ({
  default: (await loaded(() => import("./project/queue-button"))).QueueButton,
}));

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
          <Images>
            <Suspense>{!isWide && <QueueButton queue={queue} />}</Suspense>
          </Images>
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
