import { useApolloClient, useQuery, useSubscription } from "@apollo/client/react";
import type { Client } from "graphql-ws";
import { useEffect, useMemo, useState } from "react";
import { Numbers, Projects, ProjectUpdated } from "../operations.ts";
import { coalesced } from "../retry.ts";

/** The projects that one can see, with numbers that are always those of the hub. */
export function useProjects(socket: Client) {
  const { cache } = useApolloClient();
  const [lost, setLost] = useState<Error>();
  const { data, error, refetch } = useQuery(Projects);
  const load = useMemo(() => coalesced(async () => void (await refetch())), [refetch]);
  // What went while there was no connection, nobody tells.
  useEffect(() => socket.on("connected", load), [socket, load]);
  useSubscription(ProjectUpdated, {
    fetchPolicy: "no-cache",
    ignoreResults: true,
    onError: setLost,
    onData({ data: { data } }) {
      if (!data) return;
      const { projectId, updates: stats } = data.projectUpdated;
      const id = cache.identify({ __typename: "Project", id: projectId });
      const isKnown = cache.readFragment({ id, fragment: Numbers }) !== null;
      if (!stats || !isKnown) return load();
      cache.writeFragment({ id, fragment: Numbers, data: { stats } });
    },
  });
  return { projects: data?.projects.edges.map(({ node }) => node) ?? [], error: error ?? lost };
}
