// GraphQL over HTTP, with files.
import { HubError, unreachable } from "./retry.ts";
import type { Session } from "./session.ts";

export type Variables = Record<string, unknown>;

/** Executes an operation as nobody, or as whom the access token is of. Throws HubError. */
export async function post<Data>(
  url: string,
  query: string,
  variables: Variables,
  token?: string,
): Promise<Data> {
  const headers = new Headers({ Accept: "application/json", "Apollo-Require-Preflight": "true" });
  if (token) headers.set("Authorization", `Bearer ${token}`);
  const body = bodyOf(query, variables);
  if (typeof body === "string") headers.set("Content-Type", "application/json");
  const response = await fetch(url, { method: "POST", headers, body }).catch((error: Error) => {
    throw unreachable(error.message);
  });
  if (!response.headers.get("Content-Type")?.startsWith("application/json")) {
    throw unreachable(`${response.status} ${response.statusText}`);
  }
  const { data, errors } = (await response.json()) as Answer<Data>;
  const [error] = errors ?? [];
  if (error) throw new HubError(error.extensions.code, error.message);
  return data;
}

/** Executes an operation as who is signed in; once more if the access token has expired. */
export async function execute<Data>(
  session: Session,
  query: string,
  variables: Variables,
): Promise<Data> {
  const token = await session.accessToken();
  try {
    return await post<Data>(session.url, query, variables, token);
  } catch (error) {
    if (!(error instanceof HubError) || error.code !== "UNAUTHENTICATED") throw error;
    return post<Data>(session.url, query, variables, await session.accessToken(token));
  }
}

interface Answer<Data> {
  data: Data;
  errors?: { message: string; extensions: { code: string } }[];
}

/** JSON; or, where there are files among the variables, the parts of a multipart request. */
function bodyOf(query: string, variables: Variables): string | FormData {
  const files: Record<string, Blob> = {};
  const operations = JSON.stringify({ query, variables: without(variables, "variables", files) });
  if (Object.keys(files).length === 0) return operations;
  const form = new FormData();
  form.set("operations", operations);
  form.set("map", JSON.stringify(Object.fromEntries(Object.keys(files).map((at) => [at, [at]]))));
  for (const [at, file] of Object.entries(files)) form.set(at, file);
  return form;
}

/** Has null in place of each file, as `operations` must, and notes where it was. */
function without(value: unknown, at: string, files: Record<string, Blob>): unknown {
  if (value instanceof Blob) {
    files[at] = value;
    return null;
  }
  if (Array.isArray(value)) return value.map((each, i) => without(each, `${at}.${i}`, files));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, without(each, `${at}.${key}`, files)]),
  );
}
