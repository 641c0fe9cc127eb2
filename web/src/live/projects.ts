import { useApolloClient, useQuery } from "@apollo/client/react";
import { notifications } from "@mantine/notifications";
import { useEffect, useEffectEvent, useMemo, useRef, useState } from "react";
import { client } from "../api/client";
import { connection } from "../api/socket";
import { Store, useStore } from "../api/store";
import { graphql } from "../gql";
import type { NumbersFragment, PresentUserFragment } from "../gql/graphql";
import { gone } from "../parts/gone";
import { inFrames } from "./frames";
import { insist } from "./insist";
import { writeNumbers } from "./project";
import { lacks, readAsFarAs } from "./project-list";
import { useStream } from "./stream";

const PAGE = 48;
const NO_MORE = { hasNextPage: false, endCursor: null };

export const PROJECT_CARD = graphql(`
  fragment ProjectCard on Project {
    id
    name
    viewerRole
    detailsRevision
    createdAt
    owner {
      id
      name
    }
    stats {
      ...Numbers
    }
    images(first: 4) {
      edges {
        node {
          id
          thumbnailUrl
        }
      }
    }
  }
`);

const NAME = graphql(`
  fragment ProjectName on Project {
    name
  }
`);

const PROJECTS = graphql(`
  query Projects($search: String, $first: Int!, $after: String) {
    projects(search: $search, first: $first, after: $after) {
      edges {
        cursor
        node {
          ...ProjectCard
        }
      }
      pageInfo {
        endCursor
        hasNextPage
      }
    }
  }
`);

const ALL_UPDATED = graphql(`
  subscription ProjectsUpdated {
    projectUpdated {
      projectId
      operation
      updates {
        ...Numbers
      }
    }
  }
`);

const ALL_PRESENT = graphql(`
  subscription PresencesChanged {
    presenceChanged {
      projectId
      users {
        ...PresentUser
      }
    }
  }
`);

/** Projects that are gone for this person, lest an answer that was on its way brings one back. */
const goneProjects = new Store<ReadonlySet<string>>(new Set());

/** Takes a project off the screen and out of the cache. */
export function forget(id: string): void {
  goneProjects.set(new Set([...goneProjects.get(), id]));
  client.cache.evict({ id: `Project:${id}` });
  client.cache.gc();
}

function remember(id: string): void {
  notifications.hide(gone(id, "", "MISSING").id);
  goneProjects.set(new Set([...goneProjects.get()].filter((other) => other !== id)));
}

export interface LiveProjects {
  /** Newest first; null until they are known. */
  ids: readonly string[] | null;
  error: unknown;
  hasMore: boolean;
  more: () => void;
  retry: () => void;
}

/** Follows all projects that the viewer can see; the cards read the cache. */
export function useLiveProjects(search: string): LiveProjects {
  const { cache } = useApolloClient();
  const variables = { search: search || null, first: PAGE };
  const { data, error, fetchMore, refetch } = useQuery(PROJECTS, {
    variables,
    fetchPolicy: "cache-and-network",
  });
  const hidden = useStore(goneProjects);
  const told = useRef(new Set<string>());
  const list = data?.projects;
  const readAgain = useEffectEvent(async () => {
    const end = list?.edges.at(-1)?.cursor;
    if (end === undefined) return void (await refetch());
    await readAsFarAs(end, async (after) => {
      const { data: page } = await fetchMore({ variables: { after } });
      return page?.projects.pageInfo ?? NO_MORE;
    });
  });
  const refresh = useMemo(() => oneAtATime(() => readAgain()), []);
  // What a search takes in, the hub knows.
  const isLacking = (ids: Iterable<string>) =>
    list !== undefined && !search && [...ids].some((id) => lacks(list, id));
  const numbers = useMemo(
    () =>
      inFrames<string, NumbersFragment>((newest) =>
        cache.batch({
          update: () => {
            for (const [id, stats] of newest) writeNumbers(cache, id, stats);
          },
        }),
      ),
    [cache],
  );
  useEffect(() => numbers.stop, [numbers]);

  useStream(
    ALL_UPDATED,
    {},
    {
      next: ({ projectUpdated: { projectId, operation, updates } }) => {
        if (operation === "DELETED" || operation === "REVOKED") {
          const name = nameOf(projectId);
          if (name) notifications.show(gone(projectId, name, operation));
          forget(projectId);
          told.current.delete(projectId);
        } else {
          // Whether it is news is not told where the connection was not there when it came in sight.
          const isBack = goneProjects.get().has(projectId);
          if (isBack) remember(projectId);
          if (operation === "CREATED" || isBack || isLacking([projectId])) refresh();
          told.current.add(projectId);
          if (updates) numbers.add(projectId, updates);
        }
      },
    },
  );
  useReconnected(refresh);

  // What was told before the list was there may have come in sight after it was read.
  const isThere = list !== undefined;
  const complete = useEffectEvent(() => {
    if (isLacking(told.current)) refresh();
  });
  useEffect(() => {
    if (isThere) complete();
  }, [isThere]);

  const pageInfo = list?.pageInfo;
  return {
    ids: list ? list.edges.map(({ node }) => node.id).filter((id) => !hidden.has(id)) : null,
    error: list ? undefined : error,
    hasMore: pageInfo?.hasNextPage ?? false,
    more: () =>
      void insist(
        () => fetchMore({ variables: { after: pageInfo?.endCursor ?? null } }),
        () => true,
      ),
    retry: refresh,
  };
}

/** Who is in which project, by its id. */
export function useAllPresent(): ReadonlyMap<string, readonly PresentUserFragment[]> {
  const [present, setPresent] = useState(new Map<string, readonly PresentUserFragment[]>());
  useStream(
    ALL_PRESENT,
    {},
    {
      next: ({ presenceChanged: { projectId, users } }) =>
        setPresent((before) => new Map(before).set(projectId, users)),
    },
  );
  // Without a connection nobody knows; once it is back, those are told in which somebody is.
  const { state } = useStore(connection);
  useEffect(() => {
    if (state === "lost") setPresent(new Map());
  }, [state]);
  return present;
}

function nameOf(id: string): string | undefined {
  return client.cache.readFragment({ id: `Project:${id}`, fragment: NAME })?.name;
}

/** Does something when the connection is there again after it was lost. */
function useReconnected(then: () => void): void {
  const { state } = useStore(connection);
  const before = useRef(state);
  const again = useEffectEvent(then);
  useEffect(() => {
    if (before.current === "lost" && state === "open") again();
    before.current = state;
  }, [state]);
}

// Asked for while it runs, it runs once more.
function oneAtATime(work: () => Promise<unknown>): () => void {
  let running = false;
  let again = false;
  return function run() {
    again = running;
    if (running) return;
    running = true;
    void insist(work, () => true).finally(() => {
      running = false;
      if (again) run();
    });
  };
}
