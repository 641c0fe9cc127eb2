import { Alert, Button, Center, Group, Loader, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconArrowUp, IconPlayerPlay } from "@tabler/icons-react";
import { type ReactNode, useEffect, useMemo } from "react";
import { useStore } from "../../api/store";
import type { NumbersFragment } from "../../gql/graphql";
import type { Filter, Gallery } from "../../live/gallery";
import { useCan, useProject } from "../../live/project";
import { Selection } from "../../live/selection";
import { useGallery } from "../../live/use-gallery";
import { counted } from "../../parts/format";
import { countOf } from "../../parts/status-bar";
import { Search, StatusFilter, useFilter } from "./filters";
import { Grid } from "./grid";
import classes from "./project.module.css";
import { SegmentDialog } from "./segment-dialog";
import { SelectionBar } from "./selection-bar";
import { tellFailure } from "./told";

/** The project's images: filters, what can be done with them, and all of them to scroll through. */
export function Images({ children }: { children: ReactNode }) {
  const { id, stats } = useProject();
  const canEdit = useCan("EDITOR");
  const [filter, setFilter] = useFilter();
  const gallery = useGallery(id, filter);
  const selection = useSelection(gallery);
  const { problem } = useStore(gallery.state);
  const total = totalOf(gallery, stats);
  if (stats.imageCount === 0 && !gallery.ids.length) return null;

  const selectAll = async () => {
    try {
      selection.add(await gallery.everyId());
    } catch (error) {
      tellFailure(error);
    }
  };

  return (
    <>
      <div className={classes.tools}>
        <StatusFilter stats={stats} filter={filter} onChange={setFilter} />
        <Group gap="xs" className={classes.row}>
          <Search filter={filter} onChange={setFilter} />
          {canEdit && <SegmentNew stats={stats} />}
          {children}
        </Group>
        {gallery.ahead > 0 && <Fresh count={gallery.ahead} />}
        {canEdit && <SelectionBar selection={selection} total={total} onSelectAll={selectAll} />}
      </div>
      {problem && (
        <Alert color="red" mb="md" title="The images can't be shown just now">
          {problem}
        </Alert>
      )}
      {gallery.started && total === 0 ? (
        <Nothing filter={filter} onAll={() => setFilter({ statuses: [], search: "" })} />
      ) : (
        <Grid
          gallery={gallery}
          total={total}
          selection={canEdit ? selection : null}
          onSelectAll={() => void selectAll()}
        />
      )}
      {!gallery.complete && filter.search && gallery.started && (
        <Center py="md">
          <Loader size="sm" aria-label="Searching on" />
        </Center>
      )}
    </>
  );
}

/** Leads to images that came while somebody looked at others. */
function Fresh({ count }: { count: number }) {
  return (
    <Button
      size="xs"
      radius="xl"
      leftSection={<IconArrowUp size={14} aria-hidden />}
      className={classes.fresh}
      onClick={() => window.scrollTo({ top: 0 })}
    >
      {counted(count, "new image")}
    </Button>
  );
}

// What is selected goes with the images that are shown: nobody deletes what they can't see.
function useSelection(gallery: Gallery): Selection {
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new one for each gallery
  const selection = useMemo(() => new Selection(), [gallery]);
  useEffect(() => {
    gallery.onGone = (ids) => selection.remove(ids);
  }, [gallery, selection]);
  return selection;
}

/** How many images there are for the filter; of a search, as many as are loaded and some more. */
function totalOf(gallery: Gallery, stats: NumbersFragment): number {
  const { filter, ids, ahead, complete, started } = gallery;
  const { statuses, search } = filter;
  if (complete) return ids.length;
  const numbers = statuses.map((status) => countOf(stats, status));
  const most = statuses.length ? numbers.reduce((sum, each) => sum + each, 0) : stats.imageCount;
  if (search) return started ? ids.length : Math.min(most, 12);
  return Math.max(most - ahead, ids.length);
}

function SegmentNew({ stats }: { stats: NumbersFragment }) {
  const [isOpen, { open, close }] = useDisclosure(false);
  return (
    <>
      <Button
        variant="default"
        leftSection={<IconPlayerPlay size={16} aria-hidden />}
        disabled={stats.uploadedCount + stats.failedCount === 0}
        onClick={open}
      >
        Segment all new
      </Button>
      <SegmentDialog ids={null} opened={isOpen} onClose={close} />
    </>
  );
}

function Nothing({ filter, onAll }: { filter: Filter; onAll: () => void }) {
  const text = filter.search
    ? `No image has “${filter.search}” in its name here.`
    : "No image has this status now.";
  return (
    <Center py={80}>
      <Group>
        <Text c="dimmed">{text}</Text>
        <Button variant="default" size="xs" onClick={onAll}>
          Show all
        </Button>
      </Group>
    </Center>
  );
}
