import { Center, Loader } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useEffect } from "react";
import { Navigate, useParams } from "react-router";
import { messageOf } from "../api/errors";
import { useProject } from "../live/project";
import { Failure } from "../parts/failed";
import { Missing } from "../parts/missing";
import { useFollowedImage } from "./image/follow";
import { Studio } from "./image/studio";

/** One image: its picture with what was found in it, and what goes on with it. */
export function ImagePage() {
  const { imageId = "" } = useParams();
  return <Followed key={imageId} id={imageId} />;
}

function Followed({ id }: { id: string }) {
  const project = useProject();
  const { image, progress, isDeleted, isMissing, error, retry } = useFollowedImage(project.id, id);
  if (isDeleted) return <Leave id={id} projectId={project.id} name={image?.name} />;
  if (isMissing) return <Missing what="image" />;
  if (image) return <Studio image={image} told={progress} />;
  if (error) return <Failure message={messageOf(error)} onRetry={retry} />;
  return (
    <Center py={120}>
      <Loader aria-label="Loading the image" />
    </Center>
  );
}

function Leave({
  id,
  projectId,
  name,
}: {
  id: string;
  projectId: string;
  name: string | undefined;
}) {
  useEffect(() => {
    notifications.show({
      id: `gone-${id}`,
      title: name ? `“${name}” is gone` : "The image is gone",
      message: "It was deleted.",
      autoClose: 10_000,
    });
  }, [id, name]);
  return <Navigate to={`/projects/${projectId}`} replace />;
}
