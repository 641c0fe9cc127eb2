import { useApolloClient } from "@apollo/client/react";
import { Anchor, Button, CloseButton, Group, Progress, Stack, Text, Title } from "@mantine/core";
import { useState } from "react";
import { Link } from "react-router";
import { useCan, useProject } from "../../live/project";
import type { Queue, QueuedJob } from "../../live/queue";
import { count, duration } from "../../parts/format";
import { cancel } from "./changes";
import classes from "./queue-panel.module.css";
import { tell } from "./told";

/** What waits for workers and what they are at. */
export function QueuePanel({ queue }: { queue: Queue | null }) {
  const canEdit = useCan("EDITOR");
  if (!queue) return null;
  const { jobs, total } = queue;
  return (
    <Stack gap="sm">
      <Group justify="space-between" wrap="nowrap">
        <Title order={2} size="h5">
          Queue
        </Title>
        {canEdit && total > 0 && <CancelAll />}
      </Group>
      {total === 0 ? (
        <Text size="sm" c="dimmed">
          Nothing waits.{canEdit && " Select images to have the cells in them found."}
        </Text>
      ) : (
        <Summary queue={queue} />
      )}
      {jobs.length > 0 && (
        <ul className={classes.jobs} aria-label="Next in the queue">
          {jobs.map((job) => (
            <Job key={job.id} job={job} canCancel={canEdit} />
          ))}
        </ul>
      )}
      {total > jobs.length && jobs.length > 0 && (
        <Text size="sm" c="dimmed" className="numbers">
          and {count(total - jobs.length)} more
        </Text>
      )}
    </Stack>
  );
}

function Summary({ queue: { queued, processing, estimatedSeconds } }: { queue: Queue }) {
  return (
    <Text size="sm" className="numbers">
      {count(processing)} running, {count(queued)} waiting.
      <Text span display="block" c="dimmed">
        {estimatedSeconds === null
          ? "How long it takes is known once some are done."
          : `${about(estimatedSeconds)} to go.`}
      </Text>
    </Text>
  );
}

function Job({ job, canCancel }: { job: QueuedJob; canCancel: boolean }) {
  const { image, startedAt, progress } = job;
  return (
    <li className={classes.job}>
      <img src={image.thumbnailUrl} alt="" className={classes.picture} decoding="async" />
      <div className={classes.words}>
        <Anchor component={Link} to={`images/${image.id}`} c="inherit" className={classes.name}>
          {image.name}
        </Anchor>
        {startedAt === null ? (
          <span className={`${classes.state} numbers`}>{waiting(job)}</span>
        ) : (
          <Progress
            value={(progress ?? 0) * 100}
            size="sm"
            animated
            aria-label={`${Math.round((progress ?? 0) * 100)} % done`}
          />
        )}
      </div>
      {canCancel && <CancelOne id={image.id} name={image.name} />}
    </li>
  );
}

function waiting({ position, estimatedSeconds }: QueuedJob): string {
  const place = position ? `${count(position)} ahead` : "Next";
  return estimatedSeconds === null ? place : `${place} · ${about(estimatedSeconds).toLowerCase()}`;
}

function about(seconds: number): string {
  return seconds < 1 ? "Moments" : `About ${duration(seconds)}`;
}

function CancelOne({ id, name }: { id: string; name: string }) {
  const { isBusy, stop } = useCancelling();
  return (
    <CloseButton
      size="sm"
      aria-label={`Cancel ${name}`}
      disabled={isBusy}
      onClick={() => stop([id])}
    />
  );
}

function CancelAll() {
  const { isBusy, stop } = useCancelling();
  return (
    <Button
      size="compact-sm"
      variant="subtle"
      c="var(--mantine-color-error)"
      loading={isBusy}
      onClick={() => stop(null)}
    >
      Cancel all
    </Button>
  );
}

function useCancelling() {
  const client = useApolloClient();
  const { id: projectId } = useProject();
  const [isBusy, setBusy] = useState(false);
  const stop = async (ids: readonly string[] | null) => {
    setBusy(true);
    tell(await cancel(client, projectId, ids), "Cancelled", "It is not in the queue any more.");
    setBusy(false);
  };
  return { isBusy, stop };
}
