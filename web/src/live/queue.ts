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
      jobs(first: 20) {
        id
        position
        estimatedSeconds
        progress
        startedAt
        image {
          id
          name
          thumbnailUrl
        }
      }
    }
  }
`);

export type Queue = QueueStatsUpdatedSubscription["queueStatsUpdated"];
export type QueuedJob = Queue["jobs"][number];

/** What waits for workers of a project, and what runs, live; null before the hub has said it. */
export function useQueue(projectId: string): Queue | null {
  const [queue, setQueue] = useState<Queue | null>(null);
  useStream(
    QUEUE_STATS_UPDATED,
    { projectId },
    { next: ({ queueStatsUpdated }) => setQueue(queueStatsUpdated) },
  );
  return queue;
}
