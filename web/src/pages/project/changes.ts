import type { ApolloClient } from "@apollo/client";
import { graphql } from "../../gql";

const REQUEST_SEGMENTATION = graphql(`
  mutation RequestSegmentation($input: RequestSegmentationInput!) {
    requestSegmentation(input: $input) {
      jobCount
      project {
        ...ProjectStats
      }
    }
  }
`);

const CANCEL_SEGMENTATION = graphql(`
  mutation CancelSegmentation($input: CancelSegmentationInput!) {
    cancelSegmentation(input: $input) {
      cancelledCount
      project {
        ...ProjectStats
      }
    }
  }
`);

const DELETE_IMAGES = graphql(`
  mutation DeleteImages($input: DeleteImagesInput!) {
    deleteImages(input: $input) {
      deletedIds
      project {
        ...ProjectStats
      }
    }
  }
`);

export interface Order {
  model: string;
  /** Null leaves it to the model. */
  threshold: number | null;
  /** 0 to 10, the highest first. */
  priority: number;
  /** Images that are segmented already, too. */
  force: boolean;
}

/** What was done before it failed, if it did. */
export interface Outcome {
  count: number;
  error: unknown;
}

const IMAGES_A_CALL = 1_000;

/** Queues the images, or all of the project that are not segmented yet where `ids` is null. */
export function segment(
  client: ApolloClient,
  projectId: string,
  ids: readonly string[] | null,
  order: Order,
): Promise<Outcome> {
  return inCalls(ids, async (imageIds) => {
    const { data } = await client.mutate({
      mutation: REQUEST_SEGMENTATION,
      variables: { input: { projectId, imageIds, ...order } },
    });
    return data?.requestSegmentation.jobCount ?? 0;
  });
}

/** Takes the images out of the queue, or all of the project where `ids` is null. */
export function cancel(
  client: ApolloClient,
  projectId: string,
  ids: readonly string[] | null,
): Promise<Outcome> {
  return inCalls(ids, async (imageIds) => {
    const { data } = await client.mutate({
      mutation: CANCEL_SEGMENTATION,
      variables: { input: { projectId, imageIds } },
    });
    return data?.cancelSegmentation.cancelledCount ?? 0;
  });
}

export function remove(client: ApolloClient, ids: readonly string[]): Promise<Outcome> {
  return inCalls(ids, async (imageIds) => {
    const { data } = await client.mutate({
      mutation: DELETE_IMAGES,
      variables: { input: { imageIds: imageIds ?? [] } },
    });
    return data?.deleteImages.deletedIds.length ?? 0;
  });
}

/** Calls with a thousand ids at a time, one call after the other, until one fails. */
export async function inCalls(
  ids: readonly string[] | null,
  call: (ids: string[] | null) => Promise<number>,
): Promise<Outcome> {
  let count = 0;
  try {
    if (!ids) return { count: await call(null), error: null };
    for (let at = 0; at < ids.length; at += IMAGES_A_CALL) {
      count += await call(ids.slice(at, at + IMAGES_A_CALL));
    }
    return { count, error: null };
  } catch (error) {
    return { count, error };
  }
}
