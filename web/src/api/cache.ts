import { type FieldPolicy, InMemoryCache, type Reference } from "@apollo/client";

const EXPIRY_MARGIN_SECONDS = 60;

interface Revised {
  revision: number;
}

/** Of two states of a project's numbers keeps the later, whichever way and order they come in. */
function later(existing: Revised | undefined, incoming: Revised): Revised {
  return existing && existing.revision > incoming.revision
    ? existing
    : { ...existing, ...incoming };
}

/** Keeps a signed address while it is good: a new one would have the picture loaded again. */
function addressed(existing: string | undefined, incoming: string): string {
  const expires = Number(new URLSearchParams(existing?.split("?")[1]).get("expires"));
  return existing && expires - Date.now() / 1_000 > EXPIRY_MARGIN_SECONDS ? existing : incoming;
}

interface Pages {
  edges: readonly { cursor: string; node: Reference }[];
  pageInfo: { hasNextPage: boolean };
}

/**
 * The pages of a list as one. A first page that is read anew takes the place of what it covers; what
 * is behind it stays. What was evicted from the cache is not in the list any more.
 */
const pages: FieldPolicy<Pages> = {
  keyArgs: ["search"],
  merge(existing, incoming, { args }) {
    if (!existing) return incoming;
    if (args?.after) {
      const known = new Set(existing.edges.map(({ cursor }) => cursor));
      const fresh = incoming.edges.filter(({ cursor }) => !known.has(cursor));
      return { ...incoming, edges: [...existing.edges, ...fresh] };
    }
    const last = incoming.edges.at(-1)?.cursor;
    const end = existing.edges.findIndex(({ cursor }) => cursor === last);
    if (!incoming.pageInfo.hasNextPage || end < 0) return incoming;
    return { ...existing, edges: [...incoming.edges, ...existing.edges.slice(end + 1)] };
  },
  read(existing, { canRead }) {
    return existing && { ...existing, edges: existing.edges.filter(({ node }) => canRead(node)) };
  },
};

export function makeCache(): InMemoryCache {
  return new InMemoryCache({
    possibleTypes: {
      Node: ["Image", "Project", "Segmentation", "SegmentationJob", "User"],
    },
    typePolicies: {
      Project: {
        fields: {
          stats: { merge: later },
          images: { keyArgs: ["status", "search", "first"], merge: false },
          members: { merge: false },
        },
      },
      Image: { fields: { thumbnailUrl: { merge: addressed } } },
      QueueStats: { keyFields: ["projectId"], fields: { jobs: { merge: false } } },
      Presence: { keyFields: ["projectId"], fields: { users: { merge: false } } },
      UploadProgress: { keyFields: ["uploadId"] },
      Query: { fields: { projects: pages } },
    },
  });
}
