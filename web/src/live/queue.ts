import { useState } from "react";
import { graphql } from "../gql";
import type { QueueStatsUpdatedSubscription } from "../gql/graphql";
import { useStream } from "./stream";

const QUEUE_STATS_UPDATED = graphql(`
  subscription QueueStatsUpdated($projectId: ID!) {
    queueStatsUpdated(projectId: $projectId) {
      projectId
      queued
      processing
      total
      estimatedSeconds
    }
  }
`);

export type Queue = QueueStatsUpdatedSubscription["queueStatsUpdated"];

/** How much of a project waits for workers, live; null before the hub has said it. */
export function useQueue(projectId: string): Queue | null {
  const [queue, setQueue] = useState<Queue | null>(null);
  useStream(
    QUEUE_STATS_UPDATED,
    { projectId },
    { next: ({ queueStatsUpdated }) => setQueue(queueStatsUpdated) },
  );
  return queue;
}
