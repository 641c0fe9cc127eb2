import { type ApolloCache, ApolloLink } from "@apollo/client";
import { map } from "rxjs";
import { graphql } from "../gql";

export const LIVE_IMAGE = graphql(`
  fragment LiveImage on Image {
    id
    revision
    status
    updatedAt
    error {
      code
      message
      retryable
    }
    segmentation {
      id
      cellCount
      cellArea
      model
      modelVersion
      threshold
      processingSeconds
      createdAt
    }
  }
`);

type Part = { [field: string]: unknown };

/**
 * Keeps an answer that was overtaken from putting an image back.
 *
 * Queries, mutations and the stream tell of one image over two connections, so an older state may
 * come after a newer one. What is older takes the newer state, as the cache has it, on its way in.
 */
export function newest(cache: ApolloCache): ApolloLink {
  return new ApolloLink((operation, forward) =>
    forward(operation).pipe(
      map((result) => {
        if (!result.data) return result;
        return { ...result, data: brought(result.data as Part, cache) as typeof result.data };
      }),
    ),
  );
}

function brought(part: Part, cache: ApolloCache): Part {
  const result: Part = {};
  for (const [field, value] of Object.entries(part)) result[field] = inside(value, cache);
  return result.__typename === "Image" ? { ...result, ...known(result, cache) } : result;
}

function inside(value: unknown, cache: ApolloCache): unknown {
  if (Array.isArray(value)) return value.map((item) => inside(item, cache));
  // What has no type's name is a scalar that is an object.
  if (value && typeof value === "object" && "__typename" in value) {
    return brought(value as Part, cache);
  }
  return value;
}

// The fields of an image that the cache knows of a later revision; nothing where it does not.
function known(image: Part, cache: ApolloCache): Part {
  const id = cache.identify(image as { __typename: string; id: string });
  if (id === undefined || typeof image.revision !== "number") return {};
  const found = cache.readFragment({
    fragment: LIVE_IMAGE,
    id,
    returnPartialData: true,
  }) as Part | null;
  if (typeof found?.revision !== "number" || found.revision <= image.revision) return {};
  return Object.fromEntries(Object.entries(found).filter(([field]) => field in image));
}
