import type { TypedDocumentNode } from "@apollo/client";
import { print } from "graphql";
import { HubError, hubErrorOf } from "./errors";

export const ENDPOINT = "/graphql";

export interface Answer<T> {
  data: T;
  /** The hub's clock minus this browser's, in milliseconds. */
  skew: number;
}

/** Asks the hub outside of Apollo's cache. Throws HubError, code NETWORK where no answer came. */
export async function ask<T, V>(
  document: TypedDocumentNode<T, V>,
  variables: V,
): Promise<Answer<T>> {
  const response = await fetch(ENDPOINT, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query: print(document), variables }),
  }).catch(() => {
    throw new HubError("NETWORK", "The hub can't be reached. Try again in a moment.");
  });
  const { data, errors } = await response.json().catch(() => {
    throw new HubError("NETWORK", `The hub gave no answer that can be read (${response.status}).`);
  });
  if (errors) throw hubErrorOf(errors[0]);
  const date = Date.parse(response.headers.get("Date") ?? "");
  return { data, skew: Number.isNaN(date) ? 0 : date - Date.now() };
}
