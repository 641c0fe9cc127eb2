import { useMemo, useState, useSyncExternalStore } from "react";
import { graphql, useSubscription } from "react-relay";
import { Images } from "../images.ts";
import { cursorExpired } from "../retry.ts";
import type { imagesSubscription } from "./__generated__/imagesSubscription.graphql.ts";

const subscription = graphql`
  subscription imagesSubscription($projectId: ID!, $after: BigInt!) {
    segmentationUpdated(projectId: $projectId, after: $after) {
      imageId revision image { id name status revision }
    }
  }
`;

type Image = NonNullable<imagesSubscription["response"]["segmentationUpdated"]["image"]>;

/** The images of a project, as they are on the hub. Takes a component for each project (`key`). */
export function useImages(projectId: string) {
  const [images] = useState(() => new Images<Image>());
  const [error, setError] = useState<Error>();
  const [beginnings, setBeginnings] = useState(0);
  // Another one subscribes again.
  const config = useMemo(
    () => ({
      subscription,
      variables: { projectId, after: 0 },
      onNext: (data: imagesSubscription["response"] | null | undefined) =>
        data && images.take(data.segmentationUpdated),
      onError(reason: Error) {
        if (cursorExpired(reason)) {
          images.drop();
          setBeginnings(beginnings + 1);
        } else {
          setError(reason);
        }
      },
    }),
    [projectId, images, beginnings],
  );
  useSubscription<imagesSubscription>(config);
  return { images: useSyncExternalStore(images.subscribe, images.list), error };
}
