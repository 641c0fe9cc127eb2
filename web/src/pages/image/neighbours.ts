import { useQuery } from "@apollo/client/react";
import { useLocation, useNavigate } from "react-router";
import { graphql } from "../../gql";
import { type Trail, UNKNOWN } from "../../live/trail";

const NEXT_IMAGE = graphql(`
  query NextImage(
    $projectId: ID!
    $after: String!
    $status: [SegmentationStatus!]
    $search: String
  ) {
    project(id: $projectId) {
      id
      images(first: 1, after: $after, status: $status, search: $search) {
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

export interface Neighbours {
  /** Null where there is none, or it isn't known yet. */
  next: (() => void) | null;
  previous: (() => void) | null;
}

/**
 * The images before and behind one in its project, newest first; of those that the gallery showed,
 * where one came from there. Pages lead forwards only: what is before is told by the way.
 */
export function useNeighbours(projectId: string, imageId: string): Neighbours {
  const navigate = useNavigate();
  const { trail, filter }: Trail = { ...UNKNOWN, ...useLocation().state };
  const { statuses, search } = filter;
  // Pages of one image are nothing that others could use: they would be taken for the newest.
  const { data } = useQuery(NEXT_IMAGE, {
    variables: {
      projectId,
      after: imageId,
      status: statuses.length ? [...statuses] : null,
      search: search || null,
    },
    fetchPolicy: "no-cache",
  });
  const next = data?.project?.images.edges[0]?.node.id;
  const before = trail.at(-1);
  const go = (id: string, through: readonly string[]) =>
    void navigate(`/projects/${projectId}/images/${id}`, {
      state: { trail: through, filter } satisfies Trail,
    });
  return {
    next: next ? () => go(next, [...trail, imageId]) : null,
    previous: before ? () => go(before, trail.slice(0, -1)) : null,
  };
}
