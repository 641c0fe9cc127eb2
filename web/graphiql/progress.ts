import { getOperationAST, print } from "graphql";
import { Store } from "../src/api/store";
import { graphql } from "../src/gql";
import type { FollowUploadSubscription } from "../src/gql/graphql";
import type { Credentials } from "./credentials";
import { subscribe } from "./subscribe";
import type { Upload } from "./uploads";

const FOLLOW_UPLOAD = graphql(`
  subscription FollowUpload($uploadId: ID!) {
    uploadProgressed(uploadId: $uploadId) {
      bytesReceived
      filesStored
      filesRejected
      filesTotal
      done
    }
  }
`);

/** How far an upload is; without numbers where it has no uploadId to tell it by. */
export type Progress = Partial<FollowUploadSubscription["uploadProgressed"]>;

/** The upload that is under way, null where there is none. */
export const progress = new Store<Progress | null>(null);

/** Watches an upload that was begun until its answer is there, and returns the answer. */
export async function follow<T>(
  upload: Upload,
  answer: Promise<T>,
  credentials: Credentials,
): Promise<T> {
  progress.set({});
  const watching = watch(uploadIdIn(upload.variables), credentials);
  try {
    return await answer;
  } finally {
    watching?.unsubscribe();
    progress.set(null);
  }
}

function watch(uploadId: string | undefined, credentials: Credentials) {
  const operation = getOperationAST(FOLLOW_UPLOAD);
  if (uploadId === undefined || !operation) return undefined;
  const request = { query: print(FOLLOW_UPLOAD), variables: { uploadId } };
  return subscribe(request, operation, credentials).subscribe(({ data }) => {
    const event = data as FollowUploadSubscription | null | undefined;
    if (event) progress.set(event.uploadProgressed);
  });
}

// It is wherever the operation's own variables have it.
function uploadIdIn(value: unknown): string | undefined {
  if (!value || typeof value !== "object") return undefined;
  const { uploadId } = value as { uploadId?: unknown };
  if (typeof uploadId === "string") return uploadId;
  for (const inner of Object.values(value)) {
    const found = uploadIdIn(inner);
    if (found !== undefined) return found;
  }
  return undefined;
}
