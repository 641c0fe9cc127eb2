import { Button, Drawer } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconListCheck } from "@tabler/icons-react";
import { useProject } from "../../live/project";
import type { Queue } from "../../live/queue";
import { count } from "../../parts/format";
import { QueuePanel } from "./queue-panel";

/** Opens the queue where there is no room beside the images. */
export function QueueButton({ queue }: { queue: Queue | null }) {
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
