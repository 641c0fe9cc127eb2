import { useApolloClient } from "@apollo/client/react";
import { useEffect, useMemo } from "react";
import { session } from "../api/session";
import { type Filter, Gallery } from "./gallery";

// The one seen last, so that whoever comes back to it finds it where it was.
let kept: { key: string; gallery: Gallery } | null = null;

session.subscribe(() => {
  if (!session.get()) kept = null;
});

/** The images of a project that a filter takes in, followed for as long as they are shown. */
export function useGallery(projectId: string, { statuses, search }: Filter): Gallery {
  const client = useApolloClient();
  const key = JSON.stringify([projectId, statuses, search]);
  const gallery = useMemo(() => {
    if (kept?.key !== key) {
      const [project, ...filter]: [string, Filter["statuses"], string] = JSON.parse(key);
      kept = {
        key,
        gallery: new Gallery(client, project, { statuses: filter[0], search: filter[1] }),
      };
    }
    return kept.gallery;
  }, [client, key]);
  useEffect(() => gallery.follow(), [gallery]);
  return gallery;
}
