import type { Client } from "graphql-ws";
import { useMemo, useState, useSyncExternalStore } from "react";
import { RelayEnvironmentProvider } from "react-relay";
import type { Session } from "../session.ts";
import { createSocket } from "../socket.ts";
import { Failure, ImageList, ProjectList, SignIn, UploadForm } from "../views.tsx";
import { createEnvironment } from "./environment.ts";
import { useImages } from "./images.ts";
import { useProjects } from "./projects.ts";
import { useUpload } from "./upload.ts";

export function App({ session }: { session: Session }) {
  const isSignedIn = useSyncExternalStore(session.subscribe, session.isSignedIn);
  const socket = useMemo(() => createSocket(session), [session]);
  const environment = useMemo(() => createEnvironment(session, socket), [session, socket]);
  if (!isSignedIn) return <SignIn session={session} />;
  return (
    <RelayEnvironmentProvider environment={environment}>
      <Projects socket={socket} />
    </RelayEnvironmentProvider>
  );
}

function Projects({ socket }: { socket: Client }) {
  const { projects, error } = useProjects(socket);
  const [open, setOpen] = useState<string>();
  return (
    <>
      <Failure error={error} />
      <ProjectList projects={projects} onOpen={setOpen} />
      {open && <Project key={open} id={open} />}
    </>
  );
}

function Project({ id }: { id: string }) {
  const { images, error } = useImages(id);
  const { upload, progress, uploaded, error: uploadError } = useUpload(id);
  return (
    <>
      <Failure error={error ?? uploadError} />
      <UploadForm onChoose={upload} progress={progress} uploaded={uploaded} />
      <ImageList images={images} />
    </>
  );
}
