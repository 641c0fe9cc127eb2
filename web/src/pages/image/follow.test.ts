import { ApolloClient, ApolloLink } from "@apollo/client";
import { of } from "rxjs";
import { expect, test, vi } from "vitest";
import { makeCache } from "../../api/cache";
import { readAgain } from "./follow";

function clientOf(project: object | null) {
  const done: string[] = [];
  const link = new ApolloLink(({ operationName }) => {
    done.push(operationName ?? "");
    return of({ data: { project } });
  });
  const read = vi.fn(async () => {
    done.push("image");
  });
  return { client: new ApolloClient({ cache: makeCache(), link }), done, read };
}

test("an image is followed from where its project is, however old its last change", async () => {
  const stats = { __typename: "ProjectStats", revision: 900 };
  const { client, done, read } = clientOf({ __typename: "Project", id: "prj", stats });
  // Whatever the page was told already is no reason to begin behind it.
  const later = { __typename: "ProjectStats", revision: 950 };
  client.cache.restore({ "Project:prj": { __typename: "Project", id: "prj", stats: later } });
  expect(await readAgain(client, "prj", read)).toBe(900);
  expect(done).toEqual(["ProjectRevision", "image"]);
});

test("an image of a project that is gone is not read again", async () => {
  const { client, read } = clientOf(null);
  await expect(readAgain(client, "prj", read)).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(read).not.toHaveBeenCalled();
});
