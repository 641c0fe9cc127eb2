import { useApolloClient } from "@apollo/client/react";
import { Button, Group, Stack, Text, Title } from "@mantine/core";
import { useState } from "react";
import { useCan, useProject } from "../../live/project";
import type { Queue } from "../../live/queue";
import { count, duration } from "../../parts/format";
import { cancel } from "./changes";
import { tell } from "./told";

/** What waits for workers and what they are at. */
export function QueuePanel({ queue }: { queue: Queue | null }) {
  const canEdit = useCan("EDITOR");
  if (!queue) return null;
  return (
    <Stack gap="md">
      <Group justify="space-between" wrap="nowrap">
        <Title order={2} size="h5">
          Queue
        </Title>
        {canEdit && queue.total > 0 && <CancelAll />}
      </Group>
      {queue.total === 0 ? (
        <Text size="sm" c="dimmed">
          Nothing waits. Select images to have the cells in them found.
        </Text>
      ) : (
        <Summary queue={queue} />
      )}
    </Stack>
  );
}

function Summary({ queue: { queued, processing, estimatedSeconds } }: { queue: Queue }) {
  return (
    <Text size="sm" className="numbers">
      {count(processing)} running, {count(queued)} waiting.{" "}
      <Text span c="dimmed">
        {estimatedSeconds === null
          ? "How long it takes is known once some are done."
          : `About ${duration(estimatedSeconds)} to go.`}
      </Text>
    </Text>
  );
}

function CancelAll() {
  const client = useApolloClient();
  const { id } = useProject();
  const [busy, setBusy] = useState(false);
  async function all() {
    setBusy(true);
    tell(await cancel(client, id, null), "Cancelled", "Nothing was in the queue.");
    setBusy(false);
  }
  return (
    <Button
      size="compact-sm"
      variant="subtle"
      c="var(--mantine-color-error)"
      loading={busy}
      onClick={all}
    >
      Cancel all
    </Button>
  );
}
