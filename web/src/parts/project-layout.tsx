import { Center, Loader } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useEffect } from "react";
import { Navigate, Outlet, useParams } from "react-router";
import { messageOf } from "../api/errors";
import { type Ending, PresentContext, ProjectContext, useLiveProject } from "../live/project";
import { forget } from "../live/projects";
import { Failure } from "./failed";
import { gone } from "./gone";
import { Missing } from "./missing";

/** What the pages of a project have in common: the project, live, for as long as one may see it. */
export function ProjectLayout() {
  const { projectId = "" } = useParams();
  return <Live key={projectId} id={projectId} />;
}

function Live({ id }: { id: string }) {
  const { project, present, ending, error, retry } = useLiveProject(id);
  if (ending && project) return <Leave id={id} name={project.name} ending={ending} />;
  if (ending) return <Missing what="project" />;
  if (project) {
    return (
      <ProjectContext value={project}>
        <PresentContext value={present}>
          <Outlet />
        </PresentContext>
      </ProjectContext>
    );
  }
  if (error) return <Failure message={messageOf(error)} onRetry={retry} />;
  return (
    <Center py={120}>
      <Loader aria-label="Loading the project" />
    </Center>
  );
}

function Leave({ id, name, ending }: { id: string; name: string; ending: Ending }) {
  useEffect(() => {
    forget(id);
    notifications.show(gone(id, name, ending));
  }, [id, name, ending]);
  return <Navigate to="/" replace />;
}
