import { useMutation } from "@apollo/client/react";
import { notifications } from "@mantine/notifications";
import { messageOf } from "../../api/errors";
import { graphql } from "../../gql";

const SEGMENT_IMAGE = graphql(`
  mutation SegmentImage($input: RequestSegmentationInput!) {
    requestSegmentation(input: $input) {
      jobs {
        id
        image {
          ...LiveImage
        }
      }
      project {
        ...ProjectStats
      }
    }
  }
`);

const CANCEL_IMAGE = graphql(`
  mutation CancelImage($input: CancelSegmentationInput!) {
    cancelSegmentation(input: $input) {
      cancelledCount
      project {
        ...ProjectStats
      }
    }
  }
`);

const DELETE_IMAGE = graphql(`
  mutation DeleteImage($input: DeleteImageInput!) {
    deleteImage(input: $input) {
      project {
        ...ProjectStats
      }
    }
  }
`);

export interface Wish {
  model?: string;
  threshold?: number;
}

/**
 * What can be done with an image, by EDITORs. Each tells whether it was done; where not, a
 * notification has said why. What comes of it, the stream tells.
 */
export function useActions(projectId: string, imageId: string) {
  const [request, requesting] = useMutation(SEGMENT_IMAGE);
  const [cancel, cancelling] = useMutation(CANCEL_IMAGE);
  const [remove, removing] = useMutation(DELETE_IMAGE);
  return {
    segment: (wish: Wish = {}) => {
      const input = { projectId, imageIds: [imageId], force: true, ...wish };
      return done("Not queued", request({ variables: { input } }));
    },
    cancel: () => {
      const input = { projectId, imageIds: [imageId] };
      return done("Not cancelled", cancel({ variables: { input } }));
    },
    remove: () => done("Not deleted", remove({ variables: { input: { imageId } } })),
    isBusy: requesting.loading || cancelling.loading || removing.loading,
  };
}

async function done(title: string, work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    notifications.show({ color: "red", title, message: messageOf(error) });
    return false;
  }
}
