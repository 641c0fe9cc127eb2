// What every peer offers: the hub's segmentationUpdated, with the fields that are asked for here.
export const typeDefs = `
  scalar BigInt
  scalar DateTime
  enum SegmentationStatus { UPLOADED QUEUED PROCESSING SEGMENTED NO_SEGMENTATION FAILED }
  enum ImageOperation { SNAPSHOT CREATED UPDATED DELETED }
  type SegmentationError { code: String! message: String! retryable: Boolean! }
  type Image {
    id: ID! name: String! status: SegmentationStatus! width: Int! height: Int! sizeBytes: BigInt!
    updatedAt: DateTime! revision: BigInt!
  }
  type SegmentationUpdate {
    imageId: ID! projectId: ID! operation: ImageOperation! status: SegmentationStatus queueId: ID
    progress: Float error: SegmentationError timestamp: DateTime! revision: BigInt! image: Image
  }
  type Query { ok: Boolean }
  type Subscription { segmentationUpdated(projectId: ID!): SegmentationUpdate! }
`;
