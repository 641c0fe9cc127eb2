import { useApolloClient } from "@apollo/client/react";
import { Tabs } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { lazy, Suspense, useRef, useState } from "react";
import { loaded } from "../../api/loaded";
import type { ImageDetailsFragment } from "../../gql/graphql";
import { useCan } from "../../live/project";
import { count } from "../../parts/format";
import { useTitle } from "../../parts/title";
import { useActions } from "./actions";
import { CellsPanel } from "./cells-panel";
import { tilesUrl } from "./files";
import { Heading } from "./heading";
import { useJob } from "./job";
import { useNeighbours } from "./neighbours";
import { useMeasurements, useOutlines } from "./results";
import { StatusLine } from "./status-line";
import classes from "./studio.module.css";
import { Viewer, type ViewerHandle } from "./viewer";

// Of the tabs that are not shown first.
const RunPanel = lazy(async () => ({
  default: (await loaded(() => import("./run-panel"))).RunPanel,
}));
const ImagePanel = lazy(async () => ({
  default: (await loaded(() => import("./image-panel"))).ImagePanel,
}));

interface Props {
  image: ImageDetailsFragment;
  /** 0 to 1, as the worker told last; null where it has not yet, or none is at it. */
  told: number | null;
}

/** The picture beside all that is known of it. */
export function Studio({ image, told }: Props) {
  const client = useApolloClient();
  const { segmentation, status } = image;
  const found = segmentation?.cellCount ? segmentation.id : null;
  const outlines = useOutlines(found);
  const measured = useMeasurements(found);
  const neighbours = useNeighbours(image.project.id, image.id);
  const isUnderway = status === "QUEUED" || status === "PROCESSING";
  const job = useJob(image.project.id, image.id, isUnderway);
  const progress = told ?? (status === "PROCESSING" ? (job?.progress ?? null) : null);
  const actions = useActions(image.project.id, image.id);
  const canEdit = useCan("EDITOR");
  const viewer = useRef<ViewerHandle>(null);
  // Runs number their cells anew.
  const [selection, setSelection] = useState<{ run: string | null; cell: number } | null>(null);
  const selected = selection?.run === found ? (selection?.cell ?? null) : null;
  useTitle(image.name);
  useHotkeys([
    ["j", () => move(neighbours.next)],
    ["k", () => move(neighbours.previous)],
  ]);

  function select(cell: number | null) {
    setSelection(cell === null ? null : { run: found, cell });
  }

  function choose(cell: number, isNear: boolean) {
    select(cell);
    if (isNear) viewer.current?.zoomTo(cell);
    else viewer.current?.reveal(cell);
  }

  return (
    <div className={classes.page}>
      <Heading
        image={image}
        progress={progress}
        neighbours={neighbours}
        actions={actions}
        canEdit={canEdit}
        isUnderway={isUnderway}
      />
      <section className={classes.viewer} aria-label="Picture">
        <Viewer
          ref={viewer}
          image={image}
          renew={() => tilesUrl(client, image.id)}
          outlines={outlines}
          selected={selected}
          onSelect={select}
        />
      </section>
      <aside className={classes.side} aria-label="About the image">
        <StatusLine
          image={image}
          progress={progress}
          job={job}
          canEdit={canEdit}
          isBusy={actions.isBusy}
          onRetry={() => void actions.retry()}
          onCancel={() => void actions.cancel()}
        />
        <Tabs defaultValue="cells" keepMounted={false} className={classes.tabs}>
          <Tabs.List grow>
            <Tabs.Tab value="cells">
              Cells{segmentation ? ` (${count(segmentation.cellCount)})` : ""}
            </Tabs.Tab>
            <Tabs.Tab value="run">Run</Tabs.Tab>
            <Tabs.Tab value="image">Image</Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="cells" className={classes.panel}>
            <CellsPanel
              image={image}
              segmentation={segmentation}
              measured={measured}
              selected={selected}
              onSelect={choose}
            />
          </Tabs.Panel>
          <Tabs.Panel value="run" className={classes.panel}>
            <Suspense>
              <RunPanel segmentation={segmentation} checksum={image.checksum} />
            </Suspense>
          </Tabs.Panel>
          <Tabs.Panel value="image" className={classes.panel}>
            <Suspense>
              <ImagePanel image={image} />
            </Suspense>
          </Tabs.Panel>
        </Tabs>
      </aside>
    </div>
  );
}

// Not from behind a dialog.
function move(go: (() => void) | null): void {
  if (!document.querySelector("[aria-modal=true]")) go?.();
}
