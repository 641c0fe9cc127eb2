import { useState } from "react";
import { graphql, useRelayEnvironment } from "react-relay";
import { commitMutation, requestSubscription } from "relay-runtime";
import { patiently } from "../retry.ts";
import type { uploadMutation } from "./__generated__/uploadMutation.graphql.ts";
import type { uploadProgressedSubscription } from "./__generated__/uploadProgressedSubscription.graphql.ts";

const mutation = graphql`
  mutation uploadMutation($input: UploadImagesInput!) {
    uploadImages(input: $input) { images { id } rejected { name code message } }
  }
`;
const subscription = graphql`
  subscription uploadProgressedSubscription($uploadId: ID!) {
    uploadProgressed(uploadId: $uploadId) {
      bytesReceived filesTotal filesStored filesRejected done
    }
  }
`;

/** Uploads files, and tells how far that is. An answer that was lost is asked for again. */
export function useUpload(projectId: string) {
  const environment = useRelayEnvironment();
  const [progress, setProgress] =
    useState<uploadProgressedSubscription["response"]["uploadProgressed"]>();
  const [uploaded, setUploaded] = useState<uploadMutation["response"]["uploadImages"]>();
  const [error, setError] = useState<Error>();

  async function upload(files: File[]): Promise<void> {
    const uploadId = crypto.randomUUID();
    // Ends by itself when the upload is done.
    const { dispose } = requestSubscription<uploadProgressedSubscription>(environment, {
      subscription,
      variables: { uploadId },
      onNext: (data) => setProgress(data?.uploadProgressed),
      onError: setError,
    });
    const variables = { input: { projectId, uploadId, files } };
    const send = () =>
      new Promise<uploadMutation["response"]>((onCompleted, onError) =>
        commitMutation<uploadMutation>(environment, { mutation, variables, onCompleted, onError }),
      );
    try {
      setUploaded((await patiently(send)).uploadImages);
    } catch (reason) {
      dispose();
      setError(reason as Error);
    }
  }

  return { upload, progress, uploaded, error };
}
