import { InMemoryCache } from "@apollo/client";

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
      Query: { fields: { projects: { keyArgs: ["search"], merge: false } } },
    },
  });
}
