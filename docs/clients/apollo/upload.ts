import { skipToken, useMutation, useSubscription } from "@apollo/client/react";
import { useState } from "react";
import { UploadImages, UploadProgressed } from "../operations.ts";
import { patiently } from "../retry.ts";

/** Uploads files, and tells how far that is. An answer that was lost is asked for again. */
export function useUpload(projectId: string) {
  const [uploadId, setUploadId] = useState<string>();
  const [mutate, { data, error }] = useMutation(UploadImages);
  const { data: live } = useSubscription(
    UploadProgressed,
    uploadId ? { variables: { uploadId } } : skipToken,
  );

  async function upload(files: File[]): Promise<void> {
    const uploadId = crypto.randomUUID();
    setUploadId(uploadId);
    const variables = { input: { projectId, uploadId, files } };
    // Where it fails for good, `error` says so.
    await patiently(() => mutate({ variables })).catch(() => undefined);
  }

  return { upload, progress: live?.uploadProgressed, uploaded: data?.uploadImages, error };
}
