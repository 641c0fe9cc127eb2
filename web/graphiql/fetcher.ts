import type { Fetcher, FetcherOpts, FetcherParams } from "@graphiql/toolkit";
import {
  type GraphQLSchema,
  getOperationAST,
  type OperationDefinitionNode,
  OperationTypeNode,
  parse,
} from "graphql";
import { credentialsOf } from "./credentials";
import { ask, failure } from "./http";
import { follow } from "./progress";
import { subscribe } from "./subscribe";
import { FileMissing, picked, type Upload, uploadOf } from "./uploads";

let schema: GraphQLSchema | undefined;

/** Takes note of the schema, which says where variables have files. */
export function know(current: GraphQLSchema): void {
  schema = current;
}

/** Sends an operation of GraphiQL: subscriptions over a WebSocket, all else over HTTP. */
async function send(request: FetcherParams, options?: FetcherOpts) {
  const credentials = credentialsOf(options?.headers);
  const operation = operationOf(request.query, request.operationName);
  if (operation?.operation === OperationTypeNode.SUBSCRIPTION) {
    return subscribe(request, operation, credentials);
  }
  let upload: Upload | null = null;
  try {
    if (operation && schema) {
      upload = uploadOf(request.variables ?? {}, operation, schema, picked.get());
    }
  } catch (error) {
    if (error instanceof FileMissing) return failure(error.message);
    throw error;
  }
  const answer = ask(request, upload, credentials);
  return upload ? follow(upload, answer, credentials) : answer;
}

// By its types GraphiQL takes errors only as graphql-js throws them; it shows whatever comes.
export const fetcher = send as Fetcher;

// The hub says best what is wrong with a document that can't be read.
function operationOf(query: string, name?: string | null): OperationDefinitionNode | null {
  try {
    return getOperationAST(parse(query), name) ?? null;
  } catch {
    return null;
  }
}
