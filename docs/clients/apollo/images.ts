import { useSubscription } from "@apollo/client/react";
import { useState, useSyncExternalStore } from "react";
import type { SegmentationUpdatedSubscription } from "../__generated__/graphql.ts";
import { Images } from "../images.ts";
import { SegmentationUpdated } from "../operations.ts";
import { cursorExpired } from "../retry.ts";

type Image = NonNullable<SegmentationUpdatedSubscription["segmentationUpdated"]["image"]>;

/** The images of a project, as they are on the hub. Takes a component for each project (`key`). */
export function useImages(projectId: string) {
  const [images] = useState(() => new Images<Image>());
  const [error, setError] = useState<Error>();
  const { restart } = useSubscription(SegmentationUpdated, {
    variables: { projectId, after: 0 },
    fetchPolicy: "no-cache",
    ignoreResults: true,
    onData: ({ data: { data } }) => data && images.take(data.segmentationUpdated),
    onError(reason) {
      if (cursorExpired(reason)) {
        images.drop();
        // Not before this one has ended.
        queueMicrotask(restart);
      } else {
        setError(reason);
      }
    },
  });
  return { images: useSyncExternalStore(images.subscribe, images.list), error };
}
