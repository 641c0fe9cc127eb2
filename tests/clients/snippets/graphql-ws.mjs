import { upload, watchImages, watchProjects } from "../../../docs/clients/graphql-ws/hub.ts";
import { createSocket } from "../../../docs/clients/socket.ts";
import { keeping, obey, session } from "./drive.mjs";

const socket = createSocket(session);

obey(
  keeping({
    watchProjects: (fail) => watchProjects(session, socket, fail),
    watchImages: (projectId, fail) => watchImages(socket, projectId, fail),
    upload: (projectId, files, told) => upload(session, socket, projectId, files, told),
  }),
);
