import { useApolloClient } from "@apollo/client/react";
import { useState } from "react";
import { cancel, type Outcome, remove, segment } from "../project/changes";
import { tellFailure } from "../project/told";

const AS_EVER = { model: "watershed", threshold: null, priority: 5, force: true };

export interface Actions {
  retry: () => Promise<void>;
  cancel: () => Promise<void>;
  remove: () => Promise<void>;
  isBusy: boolean;
}

/** What EDITORs do with one image. What comes of it, the stream tells. */
export function useActions(projectId: string, imageId: string): Actions {
  const client = useApolloClient();
  const [isBusy, setBusy] = useState(false);

  async function run(work: Promise<Outcome>) {
    setBusy(true);
    const { error } = await work;
    setBusy(false);
    if (error) tellFailure(error);
  }

  return {
    retry: () => run(segment(client, projectId, [imageId], AS_EVER)),
    cancel: () => run(cancel(client, projectId, [imageId])),
    remove: () => run(remove(client, [imageId])),
    isBusy,
  };
}
