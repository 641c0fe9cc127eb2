import { Badge, type MantineSize } from "@mantine/core";
import {
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleDashed,
  IconClock,
  IconLoader2,
  IconPhoto,
} from "@tabler/icons-react";
import type { SegmentationStatus } from "../gql/graphql";
import classes from "./status.module.css";

/** How each status is called and looks: by its words and shape, too, not by its colour alone. */
export const STATUSES = {
  UPLOADED: { label: "New", color: "gray", Icon: IconPhoto },
  QUEUED: { label: "Queued", color: "yellow", Icon: IconClock },
  PROCESSING: { label: "Running", color: "blue", Icon: IconLoader2 },
  SEGMENTED: { label: "Segmented", color: "green", Icon: IconCircleCheck },
  NO_SEGMENTATION: { label: "No cells", color: "grape", Icon: IconCircleDashed },
  FAILED: { label: "Failed", color: "red", Icon: IconAlertTriangle },
} as const satisfies Record<SegmentationStatus, unknown>;

export const ALL_STATUSES = Object.keys(STATUSES) as SegmentationStatus[];

interface Props {
  status: SegmentationStatus;
  /** 0 to 1; shown while a worker is at it. */
  progress?: number | null | undefined;
  size?: MantineSize;
}

export function StatusBadge({ status, progress, size = "sm" }: Props) {
  const { label, Icon } = STATUSES[status];
  const share =
    status === "PROCESSING" && progress != null ? ` ${Math.round(progress * 100)} %` : "";
  return (
    <Badge
      size={size}
      radius="sm"
      tt="none"
      className={`${classes.badge} numbers`}
      data-status={status}
      leftSection={<Icon size={12} aria-hidden className={classes.icon} />}
    >
      {label}
      {share}
    </Badge>
  );
}
