import { Tooltip } from "@mantine/core";
import type { NumbersFragment, SegmentationStatus } from "../gql/graphql";
import { count } from "./format";
import { ALL_STATUSES, STATUSES } from "./status";
import classes from "./status-bar.module.css";

type Counts = Pick<NumbersFragment, Extract<keyof NumbersFragment, `${string}Count`>>;

/** How many images have a status, as the project's numbers tell. */
export function countOf(stats: Counts, status: SegmentationStatus): number {
  return {
    UPLOADED: stats.uploadedCount,
    QUEUED: stats.queuedCount,
    PROCESSING: stats.processingCount,
    SEGMENTED: stats.segmentedCount,
    NO_SEGMENTATION: stats.noSegmentationCount,
    FAILED: stats.failedCount,
  }[status];
}

/** Images that are through, whatever was found. */
export function doneOf(stats: Counts): number {
  return stats.segmentedCount + stats.noSegmentationCount + stats.failedCount;
}

const ORDER: readonly SegmentationStatus[] = [
  "SEGMENTED",
  "NO_SEGMENTATION",
  "FAILED",
  "PROCESSING",
  "QUEUED",
  "UPLOADED",
];

/** How far the segmentation of a project is: its statuses as shares of one bar. */
export function StatusBar({ stats, height = 8 }: { stats: Counts; height?: number }) {
  const shown = ORDER.filter((status) => countOf(stats, status) > 0);
  const words = ALL_STATUSES.filter((status) => countOf(stats, status) > 0)
    .map((status) => `${count(countOf(stats, status))} ${STATUSES[status].label.toLowerCase()}`)
    .join(", ");
  return (
    <div role="img" aria-label={words || "No images"} className={classes.bar} style={{ height }}>
      {shown.map((status) => (
        <Tooltip
          key={status}
          label={`${count(countOf(stats, status))} ${STATUSES[status].label.toLowerCase()}`}
        >
          <span
            className={classes.share}
            data-status={status}
            style={{ flexGrow: countOf(stats, status) }}
          />
        </Tooltip>
      ))}
    </div>
  );
}
