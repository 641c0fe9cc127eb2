import { afterEach, describe, expect, it, vi } from "vitest";
import type { Credentials } from "./credentials";
import { ask, multipart } from "./http";

const request = { query: "{ viewer { name } }" };
const REFUSED = { errors: [{ message: "Expired.", extensions: { code: "UNAUTHENTICATED" } }] };
const ANSWER = { data: { viewer: { name: "Ann" } } };

function session(...tokens: string[]): Credentials {
  const authorization = async (refused?: string) => tokens.find((token) => token !== refused);
  return { headers: { "X-Trace": "7" }, typed: false, authorization };
}

function hub(...answers: (object | Error)[]) {
  const fetching = vi.fn<typeof fetch>(async () => {
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer instanceof Response ? answer : Response.json(answer);
  });
  vi.stubGlobal("fetch", fetching);
  const sent = (call: number) => new Headers(fetching.mock.calls[call]?.[1]?.headers);
  return { fetching, sent };
}

afterEach(() => vi.unstubAllGlobals());

describe("ask", () => {
  it("sends the token and the other headers along", async () => {
    const { sent } = hub(ANSWER);
    expect(await ask(request, null, session("Bearer a"))).toEqual(ANSWER);
    expect(sent(0).get("Authorization")).toBe("Bearer a");
    expect(sent(0).get("X-Trace")).toBe("7");
  });

  it("asks once more with a new token where the hub takes the first no more", async () => {
    const { fetching, sent } = hub(REFUSED, ANSWER);
    expect(await ask(request, null, session("Bearer a", "Bearer b"))).toEqual(ANSWER);
    expect(sent(1).get("Authorization")).toBe("Bearer b");
    expect(fetching).toHaveBeenCalledTimes(2);
  });

  it("asks no third time", async () => {
    const { fetching } = hub(REFUSED, REFUSED, ANSWER);
    expect(await ask(request, null, session("Bearer a", "Bearer b"))).toEqual(REFUSED);
    expect(fetching).toHaveBeenCalledTimes(2);
  });

  it("asks once where the token was typed, or nobody is signed in", async () => {
    for (const credentials of [{ ...session("Bearer a", "Bearer b"), typed: true }, session()]) {
      const { fetching } = hub(REFUSED);
      expect(await ask(request, null, credentials)).toEqual(REFUSED);
      expect(fetching).toHaveBeenCalledTimes(1);
    }
  });

  it("tells in words what went wrong on the way", async () => {
    hub(new TypeError("Failed to fetch"));
    expect((await ask(request, null, session())).errors?.[0]?.message).toContain(
      "can't be reached",
    );
    hub(new Response("<h1>Bad gateway</h1>", { status: 502 }));
    expect((await ask(request, null, session())).errors?.[0]?.message).toContain("(502)");
    const { fetching } = hub(ANSWER);
    const wrong = { ...session(), headers: { "two words": "x" } };
    expect((await ask(request, null, wrong)).errors?.[0]?.message).toContain("could not be made");
    expect(fetching).not.toHaveBeenCalled();
  });
});

describe("multipart", () => {
  it("has operations, map, and then the files", async () => {
    const file = new File(["pixels"], "a.tif");
    const upload = {
      variables: { input: { files: [null] } },
      places: new Map([[file, ["variables.input.files.0"]]]),
    };
    const body = multipart({ ...request, variables: { input: "as typed" } }, upload);
    expect([...body.keys()]).toEqual(["operations", "map", "0"]);
    expect(JSON.parse(String(body.get("operations")))).toEqual({
      ...request,
      variables: upload.variables,
    });
    expect(JSON.parse(String(body.get("map")))).toEqual({ 0: ["variables.input.files.0"] });
    expect((body.get("0") as File).name).toBe("a.tif");
  });

  it("is sent past the preflight, with the type that the browser gives it", async () => {
    const { sent } = hub(ANSWER);
    await ask(request, { variables: {}, places: new Map() }, session());
    expect(sent(0).get("Apollo-Require-Preflight")).toBe("true");
    expect(sent(0).has("Content-Type")).toBe(false);
  });
});
