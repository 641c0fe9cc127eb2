import { print } from "graphql";
import { client } from "../api/client";
import { HubError, hubErrorOf } from "../api/errors";
import { ENDPOINT } from "../api/http";
import { retryWait } from "../api/retry-wait";
import { accessToken, session } from "../api/session";
import { graphql } from "../gql";
import type { UploadImagesMutation } from "../gql/graphql";
import { plainName } from "./upload-batches";
import { type Transport, type UploadAnswer, UploadManager } from "./upload-manager";

const UPLOAD_IMAGES = graphql(`
  mutation UploadImages($input: UploadImagesInput!) {
    uploadImages(input: $input) {
      images {
        id
        name
        sizeBytes
      }
      rejected {
        name
        code
        message
      }
    }
  }
`);

const UPLOAD_PROGRESSED = graphql(`
  subscription UploadProgressed($uploadId: ID!) {
    uploadProgressed(uploadId: $uploadId) {
      uploadId
      bytesReceived
      filesStored
      filesRejected
    }
  }
`);

type Call = Parameters<Transport["send"]>[0];
type OnSent = Parameters<Transport["send"]>[1];

/** What is being uploaded from this tab, to whichever projects. */
export const uploads = new UploadManager({ send, watch, pause: retryWait });

function watch(uploadId: string, next: Parameters<Transport["watch"]>[1]): () => void {
  const subscription = client
    .subscribe({ query: UPLOAD_PROGRESSED, variables: { uploadId }, fetchPolicy: "no-cache" })
    .subscribe({
      next: ({ data }) => {
        if (data?.uploadProgressed.bytesReceived) next(data.uploadProgressed);
      },
      error: () => {
        // The numbers are the browser's then; the answer tells what came of it.
      },
    });
  return () => subscription.unsubscribe();
}

async function send(call: Call, onSent: OnSent): Promise<UploadAnswer> {
  const token = await accessToken();
  try {
    return await post(call, token, onSent);
  } catch (error) {
    if (!(error instanceof HubError) || error.code !== "UNAUTHENTICATED" || !token) throw error;
    return post(call, await accessToken(token), onSent);
  }
}

// Only XMLHttpRequest tells how much is on its way.
function post(call: Call, token: string | null, onSent: OnSent): Promise<UploadAnswer> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.responseType = "json";
    request.open("POST", ENDPOINT);
    request.setRequestHeader("Apollo-Require-Preflight", "true");
    request.setRequestHeader("Authorization", `Bearer ${token}`);
    request.upload.onprogress = ({ loaded }) => onSent(loaded);
    request.onerror = () =>
      reject(new HubError("NETWORK", "The hub can't be reached, or the file can't be read."));
    request.onload = () => {
      const answer: { data?: UploadImagesMutation; errors?: [{ message: string }] } | null =
        request.response;
      if (answer?.errors) reject(hubErrorOf(answer.errors[0]));
      else if (answer?.data) resolve(answer.data.uploadImages);
      else reject(new HubError("NETWORK", `The hub gave no answer (${request.status}).`));
    };
    request.send(bodyOf(call));
  });
}

// As the GraphQL multipart request specification has it.
function bodyOf({ projectId, uploadId, files }: Call): FormData {
  const body = new FormData();
  const input = { projectId, uploadId, files: files.map(() => null) };
  body.append("operations", JSON.stringify({ query: print(UPLOAD_IMAGES), variables: { input } }));
  const paths = files.map((_, at) => [at, [`variables.input.files.${at}`]]);
  body.append("map", JSON.stringify(Object.fromEntries(paths)));
  files.forEach((file, at) => {
    body.append(String(at), file, plainName(file.name));
  });
  return body;
}

window.addEventListener("beforeunload", (event) => {
  if (uploads.totals().active) event.preventDefault();
});

session.subscribe(() => {
  if (!session.get()) uploads.clear(true);
});
