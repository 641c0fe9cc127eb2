import { useApolloClient, useQuery, useSubscription } from "@apollo/client/react";
import type { Client } from "graphql-ws";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Numbers, Projects, ProjectUpdated } from "../operations.ts";
import { coalesced } from "../retry.ts";

/** The projects that one can see, with numbers that are always those of the hub. */
export function useProjects(socket: Client) {
  const { cache } = useApolloClient();
  const [lost, setLost] = useState<Error>();
  const { data, error, refetch } = useQuery(Projects);
  const load = useMemo(() => coalesced(async () => void (await refetch())), [refetch]);
  const isStale = useRef(false);
  const connected = useCallback(() => {
    // What went while there was no connection, nobody tells; nor what goes before the subscription
    // has begun: then the list is read once more.
    isStale.current = true;
    load();
  }, [load]);
  useEffect(() => socket.on("connected", connected), [socket, connected]);
  useSubscription(ProjectUpdated, {
    fetchPolicy: "no-cache",
    ignoreResults: true,
    onError: setLost,
    onData({ data: { data } }) {
      if (!data) return;
      const { projectId, operation, updates: stats } = data.projectUpdated;
      const id = cache.identify({ __typename: "Project", id: projectId });
      const isKnown = cache.readFragment({ id, fragment: Numbers }) !== null;
      if (stats) {
        const project = { __typename: "Project", stats };
        cache.writeFragment({ id, fragment: Numbers, data: project });
      }
      // Those that are behind the first page of the list change unseen.
      if (isStale.current || !stats || (!isKnown && operation !== "UPDATED")) {
        isStale.current = false;
        load();
      }
    },
  });
  return { projects: data?.projects.edges.map(({ node }) => node) ?? [], error: error ?? lost };
}
