// The hub with graphql-ws alone: queries and mutations over HTTP, subscriptions over the socket.
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { print } from "graphql";
import type { Client } from "graphql-ws";
import type {
  ProjectsQuery,
  SegmentationUpdatedSubscription,
  UploadImagesMutation,
  UploadProgressedSubscription,
} from "../__generated__/graphql.ts";
import { execute, type Variables } from "../http.ts";
import { Images } from "../images.ts";
import * as operations from "../operations.ts";
import { Projects } from "../projects.ts";
import { cursorExpired, patiently } from "../retry.ts";
import type { Session } from "../session.ts";
import { subscribe } from "../socket.ts";

type Project = ProjectsQuery["projects"]["edges"][number]["node"];
type Image = NonNullable<SegmentationUpdatedSubscription["segmentationUpdated"]["image"]>;
type Progress = UploadProgressedSubscription["uploadProgressed"];
type Uploaded = UploadImagesMutation["uploadImages"];

/** The projects that one can see, with numbers that are always those of the hub. */
export function watchProjects(session: Session, socket: Client, fail: (error: Error) => void) {
  const projects = new Projects<Project>(async () => {
    const data = await ask(session, operations.Projects, {});
    return data.projects.edges.map(({ node }) => node);
  });
  const forget = socket.on("connected", projects.connected);
  const end = watch(socket, operations.ProjectUpdated, {}, fail, ({ projectUpdated }) =>
    projects.take(projectUpdated),
  );
  const stop = () => {
    forget();
    end();
  };
  return { projects, stop };
}

/** The images of a project, as they are on the hub. */
export function watchImages(socket: Client, projectId: string, fail: (error: Error) => void) {
  const images = new Images<Image>();
  let end = begin();

  function begin(): () => void {
    const variables = { projectId, after: 0 };
    return watch(socket, operations.SegmentationUpdated, variables, startOver, (data) =>
      images.take(data.segmentationUpdated),
    );
  }

  function startOver(error: Error): void {
    if (cursorExpired(error)) {
      images.drop();
      end = begin();
    } else {
      fail(error);
    }
  }

  return { images, stop: () => end() };
}

/** Uploads files, and tells how far that is. An answer that was lost is asked for again. */
export async function upload(
  session: Session,
  socket: Client,
  projectId: string,
  files: File[],
  tell: (progress: Progress) => void,
): Promise<Uploaded> {
  const uploadId = crypto.randomUUID();
  // Ends by itself when the upload is done.
  const stop = watch(socket, operations.UploadProgressed, { uploadId }, console.error, (data) =>
    tell(data.uploadProgressed),
  );
  const input = { projectId, uploadId, files };
  try {
    const data = await patiently(() => ask(session, operations.UploadImages, { input }));
    return data.uploadImages;
  } catch (error) {
    stop();
    throw error;
  }
}

function ask<Data, V extends Variables>(
  session: Session,
  document: TypedDocumentNode<Data, V>,
  variables: V,
): Promise<Data> {
  return execute<Data>(session, print(document), variables);
}

function watch<Data, V extends Variables>(
  socket: Client,
  document: TypedDocumentNode<Data, V>,
  variables: V,
  fail: (error: Error) => void,
  take: (data: Data) => void,
): () => void {
  return subscribe<Data>(socket, print(document), variables, {
    next: ({ data }) => data && take(data),
    error: fail,
    complete() {},
  });
}
