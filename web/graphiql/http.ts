import type { FormattedExecutionResult } from "graphql";
import { HubError } from "../src/api/errors";
import { ENDPOINT } from "../src/api/http";
import type { Credentials } from "./credentials";
import type { Upload } from "./uploads";

export interface Request {
  query: string;
  operationName?: string | null;
  variables?: Record<string, unknown>;
}

type Result = FormattedExecutionResult;

/** What went wrong before the hub gave an answer, as if it were one. */
export function failure(message: string, code?: string): Result {
  return { errors: [{ message, ...(code && { extensions: { code } }) }] };
}

/** Asks the hub. Whatever goes wrong is a result in words. */
export async function ask(
  request: Request,
  upload: Upload | null,
  credentials: Credentials,
): Promise<Result> {
  try {
    const authorization = await credentials.authorization();
    const result = await send(request, upload, credentials, authorization);
    if (!authorization || credentials.typed || !isUnauthenticated(result)) return result;
    const renewed = await credentials.authorization(authorization);
    return renewed ? await send(request, upload, credentials, renewed) : result;
  } catch (error) {
    if (error instanceof HubError) return failure(error.message, error.code);
    return failure(`The request could not be made: ${(error as Error).message}.`);
  }
}

async function send(
  request: Request,
  upload: Upload | null,
  credentials: Credentials,
  authorization: string | undefined,
): Promise<Result> {
  // What is no header at all is told apart here from a network that is not there.
  const headers = new Headers(credentials.headers);
  headers.set("Accept", "application/graphql-response+json, application/json");
  if (authorization) headers.set("Authorization", authorization);
  if (upload) headers.set("Apollo-Require-Preflight", "true");
  else headers.set("Content-Type", "application/json");
  const body = upload ? multipart(request, upload) : JSON.stringify(request);
  const response = await fetch(ENDPOINT, { method: "POST", headers, body }).catch(() => {
    throw new HubError("NETWORK", "The hub can't be reached. Try again in a moment.");
  });
  return response.json().catch(() => {
    throw new HubError("NETWORK", `The hub gave no answer that can be read (${response.status}).`);
  });
}

/** The body that the GraphQL multipart request specification has. */
export function multipart(request: Request, { variables, places }: Upload): FormData {
  const body = new FormData();
  const entries = [...places].map(([file, paths], index) => ({ file, paths, name: `${index}` }));
  body.set("operations", JSON.stringify({ ...request, variables }));
  body.set("map", JSON.stringify(Object.fromEntries(entries.map((e) => [e.name, e.paths]))));
  for (const { name, file } of entries) body.set(name, file);
  return body;
}

function isUnauthenticated({ errors }: Result): boolean {
  return errors?.[0]?.extensions?.code === "UNAUTHENTICATED";
}
