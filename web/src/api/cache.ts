import { type FieldPolicy, InMemoryCache, type Reference } from "@apollo/client";

const EXPIRY_MARGIN_SECONDS = 60;
const ALL_AHEAD = "\u{10ffff}";

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
 * The pages of a list as one; it is in the order of its cursors, the greatest first. A page takes the
 * place of what it covers, and what is around it stays. What was evicted from the cache is not in the
 * list any more.
 */
const pages: FieldPolicy<Pages> = {
  keyArgs: ["search"],
  merge(existing, incoming, { args }) {
    const first = existing?.edges[0]?.cursor;
    const end = existing?.edges.at(-1)?.cursor;
    if (!existing || first === undefined || end === undefined) return incoming;
    const after: string = args?.after ?? ALL_AHEAD;
    const last = incoming.pageInfo.hasNextPage ? incoming.edges.at(-1)?.cursor : undefined;
    // Between what does not meet there may be something.
    if (args?.after && after < end) return existing;
    const meets = last !== undefined && last <= first;
    const ahead = existing.edges.filter(({ cursor }) => cursor >= after);
    const fresh = incoming.edges.filter(({ cursor }) => cursor < after);
    const behind = meets ? existing.edges.filter(({ cursor }) => cursor < last) : [];
    const { pageInfo } = behind.length ? existing : incoming;
    return { ...incoming, pageInfo, edges: [...ahead, ...fresh, ...behind] };
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
