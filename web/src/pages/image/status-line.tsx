import { Alert, Button, Group, Progress, Text } from "@mantine/core";
import type { LiveImageFragment } from "../../gql/graphql";
import { count, duration } from "../../parts/format";
import type { Job } from "./job";
import classes from "./studio.module.css";

interface Props {
  image: LiveImageFragment;
  progress: number | null;
  job: Job | null;
  canEdit: boolean;
  isBusy: boolean;
  onRetry: () => void;
  onCancel: () => void;
}

/** What goes on with the image: that it waits, how far a worker is, or why it failed. */
export function StatusLine(props: Props) {
  const { image } = props;
  if (image.status === "QUEUED" || image.status === "PROCESSING") return <Underway {...props} />;
  if (image.status === "FAILED") return <Failed {...props} />;
  return null;
}

function Underway({ image, progress, job, canEdit, isBusy, onCancel }: Props) {
  const isRunning = image.status === "PROCESSING";
  return (
    <Alert
      variant="light"
      color={isRunning ? "blue" : "yellow"}
      p="sm"
      role="group"
      aria-label="Segmentation"
    >
      <Group justify="space-between" wrap="nowrap" gap="sm">
        <Text size="sm" className="numbers">
          <span role="status">{isRunning ? running(job) : waiting(job)}</span>
          {/* The bar says it, too, and only to who asks. */}
          {isRunning && progress !== null && (
            <span aria-hidden>{`: ${Math.round(progress * 100)} %`}</span>
          )}
        </Text>
        {canEdit && (
          <Button size="xs" variant="default" loading={isBusy} onClick={onCancel}>
            Cancel
          </Button>
        )}
      </Group>
      {isRunning && (
        <Progress
          mt="xs"
          value={(progress ?? 0) * 100}
          animated={progress === null}
          aria-label="Progress of the segmentation"
        />
      )}
    </Alert>
  );
}

function running(job: Job | null): string {
  return job && job.attempt > 1 ? `Being segmented, attempt ${job.attempt}` : "Being segmented";
}

function waiting(job: Job | null): string {
  if (!job) return "Waits for a worker";
  const { position, estimatedSeconds, attempt } = job;
  const again = attempt > 0 ? ` Attempt ${attempt} failed; it is tried again.` : "";
  const ahead = !position ? "Next in the queue" : `${count(position)} ahead in the queue`;
  const time = estimatedSeconds === null ? "" : `, done in about ${duration(estimatedSeconds)}`;
  return `${ahead}${time}.${again}`;
}

function Failed({ image: { error }, canEdit, isBusy, onRetry }: Props) {
  return (
    <Alert
      variant="light"
      color="red"
      p="sm"
      title="The segmentation failed"
      role="alert"
      className={classes.failed}
    >
      {error && (
        <Text size="sm">
          {error.message} <Text component="span" size="xs" ff="monospace">{`(${error.code})`}</Text>
        </Text>
      )}
      <Text size="sm" mt={4}>
        {error?.retryable
          ? "Trying again may help."
          : "Trying again will hardly help while nothing else changes."}
      </Text>
      {canEdit && (
        <Button size="xs" mt="xs" variant="default" loading={isBusy} onClick={onRetry}>
          Try again
        </Button>
      )}
    </Alert>
  );
}
