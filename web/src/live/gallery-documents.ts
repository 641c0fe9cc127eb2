import { graphql } from "../gql";

export const TILE_IMAGE = graphql(`
  fragment TileImage on Image {
    id
    revision
    name
    width
    height
    status
    updatedAt
    thumbnailUrl
    error {
      code
      message
      retryable
    }
    segmentation {
      id
      cellCount
    }
  }
`);

export const IMAGE_REVISION = graphql(`
  fragment ImageRevision on Image {
    revision
  }
`);

export const GALLERY_PAGE = graphql(`
  query GalleryPage(
    $projectId: ID!
    $first: Int!
    $after: String
    $status: [SegmentationStatus!]
    $search: String
  ) {
    project(id: $projectId) {
      id
      stats {
        revision
      }
      images(first: $first, after: $after, status: $status, search: $search) {
        edges {
          node {
            ...TileImage
          }
        }
        pageInfo {
          endCursor
          hasNextPage
        }
      }
    }
  }
`);

export const IMAGE_IDS = graphql(`
  query ImageIds(
    $projectId: ID!
    $after: String
    $status: [SegmentationStatus!]
    $search: String
  ) {
    project(id: $projectId) {
      id
      images(first: 500, after: $after, status: $status, search: $search) {
        edges {
          node {
            id
          }
        }
        pageInfo {
          endCursor
          hasNextPage
        }
      }
    }
  }
`);

export const SEGMENTATION_UPDATED = graphql(`
  subscription SegmentationUpdated($projectId: ID!, $after: BigInt) {
    segmentationUpdated(projectId: $projectId, after: $after) {
      imageId
      revision
      progress
      image {
        ...TileImage
      }
    }
  }
`);
