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
async function send(params: FetcherParams, options?: FetcherOpts) {
  const credentials = credentialsOf(options?.headers);
  const operation = operationOf(params.query, params.operationName);
  const operationName = (operation ? operation.name?.value : params.operationName) ?? null;
  const request = { ...params, operationName };
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

/**
 * The operation to run. For a moment after another tab was chosen GraphiQL names the one of the tab
 * before, so the name counts only where there are several. Null where there is none, or the
 * document can't be read: the hub says best what is wrong with it.
 */
function operationOf(query: string, name?: string | null): OperationDefinitionNode | null {
  try {
    const document = parse(query);
    return getOperationAST(document) ?? getOperationAST(document, name) ?? null;
  } catch {
    return null;
  }
}
