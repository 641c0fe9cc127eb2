import { useState } from "react";
import { graphql } from "../../gql";
import type { ImageJobSubscription } from "../../gql/graphql";
import { useStream } from "../../live/stream";

const IMAGE_JOB = graphql(`
  subscription ImageJob($projectId: ID!, $imageIds: [ID!]) {
    queueStatsUpdated(projectId: $projectId) {
      projectId
      jobs(imageIds: $imageIds) {
        id
        model
        attempt
        position
        estimatedSeconds
        progress
      }
    }
  }
`);

export type Job = ImageJobSubscription["queueStatsUpdated"]["jobs"][number];

/** The job that an image waits for, or that a worker is at; followed while there is one. */
export function useJob(projectId: string, imageId: string, isUnderway: boolean): Job | null {
  const [job, setJob] = useState<Job | null>(null);
  useStream(IMAGE_JOB, isUnderway ? { projectId, imageIds: [imageId] } : null, {
    next: ({ queueStatsUpdated }) => setJob(queueStatsUpdated.jobs[0] ?? null),
  });
  // What was told of this one does not hold of the next.
  if (!isUnderway && job) setJob(null);
  return isUnderway ? job : null;
}
