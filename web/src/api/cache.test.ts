import { gql } from "@apollo/client";
import fc from "fast-check";
import { expect, test } from "vitest";
import { makeCache } from "./cache";

const PROJECTS = gql`
  query ($after: String, $search: String) {
    projects(after: $after, search: $search) {
      edges {
        cursor
        node {
          id
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`;

function page(ids: readonly string[], hasNextPage: boolean) {
  return {
    projects: {
      __typename: "ProjectConnection",
      edges: ids.map((id) => ({
        __typename: "ProjectEdge",
        cursor: id,
        node: { __typename: "Project", id },
      })),
      pageInfo: { __typename: "PageInfo", hasNextPage, endCursor: ids.at(-1) ?? null },
    },
  };
}

function lists() {
  const cache = makeCache();
  const write = (ids: readonly string[], hasNextPage: boolean, after: string | null = null) =>
    cache.writeQuery({
      query: PROJECTS,
      variables: { after, search: null },
      data: page(ids, hasNextPage),
    });
  const read = () =>
    cache.readQuery<ReturnType<typeof page>>({ query: PROJECTS, variables: { search: null } })
      ?.projects;
  const ids = () => read()?.edges.map(({ node }) => node.id);
  return { cache, write, read, ids };
}

test("pages add up, and what comes twice stands there once", () => {
  const { write, ids, read } = lists();
  write(["5", "4"], true);
  write(["4", "3", "2"], true, "4");
  expect(ids()).toEqual(["5", "4", "3", "2"]);
  expect(read()?.pageInfo).toMatchObject({ hasNextPage: true, endCursor: "2" });
});

test("a first page that is read anew keeps what is behind it", () => {
  const { write, ids, read } = lists();
  write(["5", "4"], true);
  write(["3", "2"], false, "4");
  write(["6", "5", "4"], true);
  expect(ids()).toEqual(["6", "5", "4", "3", "2"]);
  expect(read()?.pageInfo).toMatchObject({ hasNextPage: false, endCursor: "2" });
});

test("a first page that is all there is, or no longer meets the others, stands alone", () => {
  const { write, ids } = lists();
  write(["5", "4"], true);
  write(["3", "2"], false, "4");
  write(["9", "8"], true);
  expect(ids()).toEqual(["9", "8"]);
  write(["8"], false);
  expect(ids()).toEqual(["8"]);
});

test("a page that is read anew takes the place of what it covers, and of nothing else", () => {
  const { write, ids, read } = lists();
  write(["8", "7"], true);
  write(["6", "5"], true, "7");
  write(["4", "2"], true, "5");
  write(["5", "3"], true, "7");
  expect(ids()).toEqual(["8", "7", "5", "3", "2"]);
  expect(read()?.pageInfo).toMatchObject({ hasNextPage: true, endCursor: "2" });
  write(["3"], false, "5");
  expect(ids()).toEqual(["8", "7", "5", "3"]);
  expect(read()?.pageInfo).toMatchObject({ hasNextPage: false, endCursor: "3" });
});

test("a page that begins behind what there is by now is left out", () => {
  const { write, ids } = lists();
  write(["5", "4"], true);
  write(["9", "8"], true);
  write(["3", "2"], false, "4");
  expect(ids()).toEqual(["9", "8"]);
});

test("what was evicted is not in the list", () => {
  const { cache, write, ids } = lists();
  write(["5", "4"], false);
  cache.evict({ id: "Project:5" });
  expect(ids()).toEqual(["4"]);
});

const STATS = gql`
  fragment Stats on Project {
    stats {
      revision
      imageCount
    }
  }
`;

test("of a project's numbers the cache keeps those of the highest revision", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50), { minLength: 1 }), (revisions) => {
      const cache = makeCache();
      for (const revision of revisions) {
        cache.writeFragment({
          id: "Project:1",
          fragment: STATS,
          data: {
            __typename: "Project",
            stats: { __typename: "ProjectStats", revision, imageCount: revision * 2 },
          },
        });
      }
      const { stats } = cache.readFragment<{ stats: object }>({
        id: "Project:1",
        fragment: STATS,
      }) ?? { stats: null };
      const newest = Math.max(...revisions);
      expect(stats).toMatchObject({ revision: newest, imageCount: newest * 2 });
    }),
  );
});

const ADDRESS = gql`
  fragment Address on Image {
    thumbnailUrl
  }
`;

function thumbnail(...addresses: readonly string[]) {
  const cache = makeCache();
  for (const thumbnailUrl of addresses) {
    cache.writeFragment({
      id: "Image:1",
      fragment: ADDRESS,
      data: { __typename: "Image", thumbnailUrl },
    });
  }
  return cache.readFragment<{ thumbnailUrl: string }>({ id: "Image:1", fragment: ADDRESS })
    ?.thumbnailUrl;
}

test("an address is kept while it is good, so that its picture is not loaded twice", () => {
  const now = Math.floor(Date.now() / 1_000);
  const address = (seconds: number) => `/files/a?name=b&expires=${now + seconds}&signature=c`;
  expect(thumbnail(address(900), address(1_800))).toBe(address(900));
  expect(thumbnail(address(30), address(1_800))).toBe(address(1_800));
});
