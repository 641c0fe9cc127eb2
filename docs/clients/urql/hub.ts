// What a front end does, with urql. What keeps the state also serves Vue, Svelte and others.
import type { AnyVariables, Client, OperationResult, TypedDocumentNode } from "@urql/core";
import type { Client as Socket } from "graphql-ws";
import type {
  ProjectsQuery,
  SegmentationUpdatedSubscription,
  UploadImagesMutation,
  UploadProgressedSubscription,
} from "../__generated__/graphql.ts";
import { Images } from "../images.ts";
import * as operations from "../operations.ts";
import { Projects } from "../projects.ts";
import { cursorExpired, HubError, patiently, unreachable } from "../retry.ts";

type Project = ProjectsQuery["projects"]["edges"][number]["node"];
type Image = NonNullable<SegmentationUpdatedSubscription["segmentationUpdated"]["image"]>;
type Progress = UploadProgressedSubscription["uploadProgressed"];
type Uploaded = UploadImagesMutation["uploadImages"];

/** The projects that one can see, with numbers that are always those of the hub. */
export function watchProjects(client: Client, socket: Socket, fail: (error: Error) => void) {
  const projects = new Projects<Project>(async () => {
    const result = await client.query(operations.Projects, {}, { requestPolicy: "network-only" });
    return dataOf(result).projects.edges.map(({ node }) => node);
  });
  const forget = socket.on("connected", projects.connected);
  const end = watch(client, operations.ProjectUpdated, {}, fail, ({ projectUpdated }) =>
    projects.take(projectUpdated),
  );
  const stop = () => {
    forget();
    end();
  };
  return { projects, stop };
}

/** The images of a project, as they are on the hub. */
export function watchImages(client: Client, projectId: string, fail: (error: Error) => void) {
  const images = new Images<Image>();
  let end = begin();

  function begin(): () => void {
    const variables = { projectId, after: 0 };
    return watch(client, operations.SegmentationUpdated, variables, startOver, (data) =>
      images.take(data.segmentationUpdated),
    );
  }

  function startOver(error: Error): void {
    if (cursorExpired(error)) {
      images.drop();
      // Not before this one has ended.
      queueMicrotask(() => {
        end = begin();
      });
    } else {
      fail(error);
    }
  }

  return { images, stop: () => end() };
}

/** Uploads files, and tells how far that is. An answer that was lost is asked for again. */
export async function upload(
  client: Client,
  projectId: string,
  files: File[],
  tell: (progress: Progress) => void,
): Promise<Uploaded> {
  const uploadId = crypto.randomUUID();
  // Ends by itself when the upload is done.
  const stop = watch(client, operations.UploadProgressed, { uploadId }, console.error, (data) =>
    tell(data.uploadProgressed),
  );
  const input = { projectId, uploadId, files };
  try {
    const data = await patiently(async () =>
      dataOf(await client.mutation(operations.UploadImages, { input })),
    );
    return data.uploadImages;
  } catch (error) {
    stop();
    throw error;
  }
}

function watch<Data, V extends AnyVariables>(
  client: Client,
  document: TypedDocumentNode<Data, V>,
  variables: V,
  fail: (error: Error) => void,
  take: (data: Data) => void,
): () => void {
  const { unsubscribe } = client.subscription(document, variables).subscribe((result) => {
    try {
      take(dataOf(result));
    } catch (error) {
      fail(error as Error);
    }
  });
  return unsubscribe;
}

/** Returns the data of a result. Throws HubError. */
function dataOf<Data>({ data, error }: OperationResult<Data, AnyVariables>): Data {
  const lost = error?.networkError;
  if (lost) throw lost instanceof HubError ? lost : unreachable(lost.message);
  const [refusal] = error?.graphQLErrors ?? [];
  if (refusal) throw new HubError(String(refusal.extensions.code), refusal.message);
  return data as Data;
}
