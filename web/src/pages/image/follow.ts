import type { ApolloCache, ApolloClient } from "@apollo/client";
import { useQuery } from "@apollo/client/react";
import { useState } from "react";
import { codeOf, HubError } from "../../api/errors";
import { LIVE_IMAGE } from "../../api/newest";
import { graphql } from "../../gql";
import type { ImageDetailsFragment, LiveImageFragment } from "../../gql/graphql";
import { insist } from "../../live/insist";
import { useStream } from "../../live/stream";

graphql(`
  fragment ImageDetails on Image {
    ...LiveImage
    name
    width
    height
    pages
    channels
    sizeBytes
    mimeType
    checksum
    createdAt
    thumbnailUrl
    uploadedBy {
      id
      name
    }
    project {
      id
    }
  }
`);

const IMAGE = graphql(`
  query Image($id: ID!) {
    image(id: $id) {
      ...ImageDetails
    }
  }
`);

const IMAGE_UPDATED = graphql(`
  subscription ImageUpdated($projectId: ID!, $imageId: ID!, $after: BigInt) {
    segmentationUpdated(projectId: $projectId, imageId: $imageId, after: $after) {
      operation
      revision
      progress
      image {
        ...LiveImage
      }
    }
  }
`);

const PROJECT_REVISION = graphql(`
  query ProjectRevision($id: ID!) {
    project(id: $id) {
      id
      stats {
        revision
      }
    }
  }
`);

export interface FollowedImage {
  /** Null while it isn't there yet, and where there is none. */
  image: ImageDetailsFragment | null;
  /** 0 to 1, while a worker is at it and has told. */
  progress: number | null;
  /** Deleted while it was looked at. */
  isDeleted: boolean;
  isMissing: boolean;
  error: unknown;
  retry: () => void;
}

/** Follows an image of a project: what the cache has of it stays what the hub has. */
export function useFollowedImage(projectId: string, id: string): FollowedImage {
  const { data, error, refetch, client } = useQuery(IMAGE, {
    variables: { id },
    fetchPolicy: "cache-and-network",
  });
  const [progress, setProgress] = useState<number | null>(null);
  const [isDeleted, setDeleted] = useState(false);
  const [since, setSince] = useState<number | null>(null);
  const image = data?.image?.project.id === projectId ? data.image : null;
  if (image && since === null) setSince(image.revision);

  useStream(IMAGE_UPDATED, since === null ? null : { projectId, imageId: id, after: since }, {
    next: ({ segmentationUpdated: update }) => {
      setProgress(update.progress);
      if (update.operation === "DELETED") setDeleted(true);
      if (update.image) writeImage(client.cache, update.image);
    },
    error: (failure) => {
      if (codeOf(failure) !== "CURSOR_EXPIRED") return;
      // The hub forgets deletions, and an image may be older than all that it remembers.
      void insist(
        () => readAgain(client, projectId, refetch).then(setSince),
        () => true,
      );
    },
  });

  return {
    image,
    progress: image?.status === "PROCESSING" ? progress : null,
    isDeleted,
    isMissing: data !== undefined && !image && !isDeleted,
    error: image ? undefined : error,
    retry: () => void refetch(),
  };
}

/** Reads an image anew by `read`; resolves to the project's revision behind which to follow it. */
export async function readAgain(
  client: ApolloClient,
  projectId: string,
  read: () => Promise<unknown>,
): Promise<number> {
  const { data } = await client.query({
    query: PROJECT_REVISION,
    variables: { id: projectId },
    fetchPolicy: "no-cache",
  });
  if (!data?.project) throw new HubError("NOT_FOUND", "The project is gone.");
  // After it: what happens in between is told once more.
  await read();
  return data.project.stats.revision;
}

/** Puts a state of an image into the cache, unless it has a later one. */
function writeImage(cache: ApolloCache, image: LiveImageFragment): void {
  const at = { id: `Image:${image.id}`, fragment: LIVE_IMAGE };
  const before = cache.readFragment({ ...at, returnPartialData: true });
  if (before?.revision !== undefined && before.revision >= image.revision) return;
  cache.writeFragment({ ...at, data: image });
}
