import { createSocket } from "../../../docs/clients/socket.ts";
import { createUrqlClient } from "../../../docs/clients/urql/client.ts";
import { upload, watchImages, watchProjects } from "../../../docs/clients/urql/hub.ts";
import { keeping, obey, session } from "./drive.mjs";

const socket = createSocket(session);
let client;

obey(
  keeping({
    watchProjects(fail) {
      client = createUrqlClient(session, socket);
      return watchProjects(client, socket, fail);
    },
    watchImages: (projectId, fail) => watchImages(client, projectId, fail),
    upload: (projectId, files, told) => upload(client, projectId, files, told),
  }),
);
