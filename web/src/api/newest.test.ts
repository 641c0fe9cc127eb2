import { ApolloClient, ApolloLink, gql } from "@apollo/client";
import fc from "fast-check";
import { of } from "rxjs";
import { expect, test } from "vitest";
import { makeCache } from "./cache";
import { newest } from "./newest";

const IMAGE = gql`
  query ($id: ID!) {
    image(id: $id) {
      id
      revision
      status
      error {
        code
      }
      segmentation {
        id
        cellCount
      }
    }
  }
`;

// What the hub said of an image at a revision; what it says at one is always the same.
function told(revision: number) {
  const failed = revision % 3 === 0;
  return {
    __typename: "Image",
    id: "img_1",
    revision,
    status: failed ? "FAILED" : "SEGMENTED",
    error: failed ? { __typename: "SegmentationError", code: `E${revision}` } : null,
    segmentation: failed
      ? null
      : { __typename: "Segmentation", id: `run_${revision}`, cellCount: revision },
  };
}

async function heard(revisions: readonly number[]) {
  const cache = makeCache();
  let answer = told(0);
  const hub = new ApolloLink(() => of({ data: { image: answer } }));
  const client = new ApolloClient({ cache, link: newest(cache).concat(hub) });
  for (const revision of revisions) {
    answer = told(revision);
    await client.query({ query: IMAGE, variables: { id: "img_1" }, fetchPolicy: "network-only" });
  }
  return cache.readQuery({ query: IMAGE, variables: { id: "img_1" } });
}

test("in whatever order answers come, the cache ends with the newest, whole", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(30), { minLength: 1 }), async (revisions) => {
      expect(await heard(revisions)).toEqual({ image: told(Math.max(...revisions)) });
    }),
  );
});

test("objects that are scalars are left as they are", async () => {
  const cache = makeCache();
  const data = {
    run: { __typename: "Segmentation", id: "seg_1", parameters: { a: [1, { b: 2 }] } },
  };
  const hub = new ApolloLink(() => of({ data }));
  const client = new ApolloClient({ cache, link: newest(cache).concat(hub) });
  const query = gql`
    {
      run {
        id
        parameters
      }
    }
  `;
  expect((await client.query({ query })).data).toEqual(data);
});
