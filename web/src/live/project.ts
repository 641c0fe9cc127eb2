import type { ApolloCache } from "@apollo/client";
import { useQuery } from "@apollo/client/react";
import { createContext, useContext, useEffect, useEffectEvent, useState } from "react";
import { codeOf } from "../api/errors";
import { graphql } from "../gql";
import type {
  NumbersFragment,
  PresentUserFragment,
  ProjectDetailsFragment,
  ProjectRole,
} from "../gql/graphql";
import { insist } from "./insist";
import { useStream } from "./stream";

export const NUMBERS = graphql(`
  fragment Numbers on ProjectStats {
    imageCount
    uploadedCount
    queuedCount
    processingCount
    segmentedCount
    noSegmentationCount
    failedCount
    storageBytes
    revision
    detailsRevision
    updatedAt
  }
`);

graphql(`
  fragment ProjectDetails on Project {
    id
    name
    description
    viewerRole
    detailsRevision
    createdAt
    owner {
      id
      name
    }
    members {
      role
      user {
        id
        name
        email
      }
    }
    stats {
      ...Numbers
    }
  }
`);

const PROJECT = graphql(`
  query Project($id: ID!) {
    project(id: $id) {
      ...ProjectDetails
    }
  }
`);

const PROJECT_UPDATED = graphql(`
  subscription ProjectUpdated($projectId: ID!) {
    projectUpdated(projectId: $projectId) {
      operation
      updates {
        ...Numbers
      }
    }
  }
`);

const PRESENCE_CHANGED = graphql(`
  subscription PresenceChanged($projectId: ID!) {
    presenceChanged(projectId: $projectId) {
      users {
        ...PresentUser
      }
    }
  }
`);

graphql(`
  fragment PresentUser on User {
    id
    name
  }
`);

const STATS = graphql(`
  fragment ProjectStats on Project {
    id
    stats {
      ...Numbers
    }
  }
`);

/** Why a project is not there any more. */
export type Ending = "DELETED" | "REVOKED" | "MISSING";

export interface LiveProject {
  project: ProjectDetailsFragment | null;
  /** Who has the project open right now, in whichever browser. */
  present: readonly PresentUserFragment[];
  /** Set once the project is gone for this person; nothing follows then. */
  ending: Ending | null;
  error: unknown;
  retry: () => void;
}

/** Follows a project: its details and numbers are in the cache, and stay what the hub has. */
export function useLiveProject(id: string): LiveProject {
  const { data, error, refetch, client } = useQuery(PROJECT, {
    variables: { id },
    fetchPolicy: "cache-and-network",
  });
  const [ending, setEnding] = useState<Ending | null>(null);
  const [present, setPresent] = useState<readonly PresentUserFragment[]>([]);
  const over = (failure: unknown) => {
    const code = codeOf(failure);
    if (code === "FORBIDDEN") setEnding((before) => before ?? "REVOKED");
    if (code === "NOT_FOUND") setEnding((before) => before ?? "MISSING");
  };
  const project = data?.project ?? null;
  useReadAnew(project, refetch);

  useStream(
    PROJECT_UPDATED,
    { projectId: id },
    {
      next: ({ projectUpdated: { operation, updates } }) => {
        if (operation === "DELETED" || operation === "REVOKED") {
          setEnding(operation);
        } else if (updates) {
          writeNumbers(client.cache, id, updates);
        }
      },
      error: over,
    },
  );
  useStream(
    PRESENCE_CHANGED,
    { projectId: id },
    { next: ({ presenceChanged }) => setPresent(presenceChanged.users), error: over },
  );

  return {
    project,
    present,
    ending: data && !data.project ? (ending ?? "MISSING") : ending,
    error: project ? undefined : error,
    retry: () => void refetch().catch(() => undefined),
  };
}

interface Details {
  /** As of when they were read. */
  detailsRevision: number;
  /** What the stream tells: as of when they are what they are. */
  stats: { detailsRevision: number };
}

/** Reads a project's details anew whenever they are behind what was told of them. */
export function useReadAnew(project: Details | null, read: () => Promise<unknown>): void {
  const told = project?.stats.detailsRevision ?? 0;
  const behind = project !== null && told > project.detailsRevision;
  const again = useEffectEvent(read);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a later word is a reason to read again
  useEffect(() => {
    let wanted = behind;
    void insist(again, () => wanted);
    return () => {
      wanted = false;
    };
  }, [behind, told]);
}

/** Puts a project's numbers into the cache, unless it has later ones. */
export function writeNumbers(cache: ApolloCache, id: string, stats: NumbersFragment): void {
  cache.writeFragment({
    id: `Project:${id}`,
    fragment: STATS,
    fragmentName: "ProjectStats",
    data: { id, stats },
  });
}

export const ProjectContext = createContext<ProjectDetailsFragment | null>(null);
export const PresentContext = createContext<readonly PresentUserFragment[]>([]);

/** The project whose page this is. */
export function useProject(): ProjectDetailsFragment {
  const project = useContext(ProjectContext);
  if (!project) throw new Error("There is no project around this.");
  return project;
}

/** Who has the project open right now. */
export function usePresent(): readonly PresentUserFragment[] {
  return useContext(PresentContext);
}

const RIGHTS: readonly ProjectRole[] = ["VIEWER", "EDITOR", "OWNER"];

/** Whether whoever looks has the role in the project, or a higher one. */
export function useCan(role: ProjectRole): boolean {
  return RIGHTS.indexOf(useProject().viewerRole) >= RIGHTS.indexOf(role);
}
