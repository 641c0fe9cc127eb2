import { useQuery } from "@apollo/client/react";
import { useLocation, useNavigate } from "react-router";
import { graphql } from "../../gql";

const NEXT_IMAGE = graphql(`
  query NextImage($projectId: ID!, $after: String!) {
    project(id: $projectId) {
      id
      images(first: 1, after: $after) {
        edges {
          node {
            id
            name
          }
        }
      }
    }
  }
`);

interface Trail {
  /** Images that were gone through, the latest last. */
  trail?: readonly string[];
}

export interface Neighbours {
  /** Null where there is none, or it isn't known yet. */
  next: (() => void) | null;
  previous: (() => void) | null;
}

/**
 * The images before and behind one in its project, newest first. Pages lead forwards only: the ones
 * before are those that one came through.
 */
export function useNeighbours(projectId: string, imageId: string): Neighbours {
  const navigate = useNavigate();
  const { trail = [] } = (useLocation().state ?? {}) as Trail;
  // Pages of one image are nothing that others could use: they would be taken for the newest.
  const { data } = useQuery(NEXT_IMAGE, {
    variables: { projectId, after: imageId },
    fetchPolicy: "no-cache",
  });
  const next = data?.project?.images.edges[0]?.node.id;
  const before = trail.at(-1);
  const go = (id: string, through: readonly string[]) =>
    void navigate(`/projects/${projectId}/images/${id}`, { state: { trail: through } });
  return {
    next: next ? () => go(next, [...trail, imageId]) : null,
    previous: before ? () => go(before, trail.slice(0, -1)) : null,
  };
}
