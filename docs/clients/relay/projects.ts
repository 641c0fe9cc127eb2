import type { Client } from "graphql-ws";
import { useEffect, useMemo, useState, useSyncExternalStore } from "react";
import { fetchQuery, graphql, useRelayEnvironment, useSubscription } from "react-relay";
import { Projects } from "../projects.ts";
import type { projectsQuery } from "./__generated__/projectsQuery.graphql.ts";
import type { projectsUpdatedSubscription } from "./__generated__/projectsUpdatedSubscription.graphql.ts";

const query = graphql`
  query projectsQuery {
    projects(first: 100) {
      edges { node { id name stats { imageCount segmentedCount revision } } }
    }
  }
`;
const subscription = graphql`
  subscription projectsUpdatedSubscription {
    projectUpdated {
      projectId operation updates { imageCount segmentedCount revision }
    }
  }
`;

type Project = projectsQuery["response"]["projects"]["edges"][number]["node"];

/**
 * The projects that one can see, with numbers that are always those of the hub. They are kept
 * beside Relay's store, since that takes what comes last, be it newer or older.
 */
export function useProjects(socket: Client) {
  const environment = useRelayEnvironment();
  const [error, setError] = useState<Error>();
  const [projects] = useState(
    () =>
      new Projects<Project>(async () => {
        const data = await fetchQuery<projectsQuery>(environment, query, {}).toPromise();
        return data?.projects.edges.map(({ node }) => node) ?? [];
      }),
  );
  useEffect(() => socket.on("connected", projects.connected), [socket, projects]);
  useSubscription<projectsUpdatedSubscription>(
    useMemo(
      () => ({
        subscription,
        variables: {},
        onNext: (data) => data && projects.take(data.projectUpdated),
        onError: setError,
      }),
      [projects],
    ),
  );
  return { projects: useSyncExternalStore(projects.subscribe, projects.list), error };
}
