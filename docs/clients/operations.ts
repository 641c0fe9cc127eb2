// What is asked of the hub. graphql-codegen makes types of it.
import { graphql } from "./__generated__/index.ts";

export const Numbers = graphql(`
  fragment Numbers on Project { stats { imageCount segmentedCount revision } }
`);

export const Projects = graphql(`
  query Projects {
    projects(first: 100) {
      edges { node { id name ...Numbers } }
    }
  }
`);

export const ProjectUpdated = graphql(`
  subscription ProjectUpdated {
    projectUpdated {
      projectId operation updates { imageCount segmentedCount revision }
    }
  }
`);

export const SegmentationUpdated = graphql(`
  subscription SegmentationUpdated($projectId: ID!, $after: BigInt!) {
    segmentationUpdated(projectId: $projectId, after: $after) {
      imageId operation revision image { id name status revision }
    }
  }
`);

export const UploadImages = graphql(`
  mutation UploadImages($input: UploadImagesInput!) {
    uploadImages(input: $input) { images { id } rejected { name code message } }
  }
`);

export const UploadProgressed = graphql(`
  subscription UploadProgressed($uploadId: ID!) {
    uploadProgressed(uploadId: $uploadId) {
      bytesReceived filesTotal filesStored filesRejected done
    }
  }
`);
