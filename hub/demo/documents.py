"""What the demo watches and asks."""

_STATS = """{
  imageCount uploadedCount queuedCount processingCount segmentedCount noSegmentationCount
  failedCount storageBytes revision
}"""
_NUMBERS = "projectCount imageCount segmentedCount queuedCount processingCount storageBytes"

PROJECT_UPDATED = f"""
subscription ProjectUpdated($projectId: ID) {{
  projectUpdated(projectId: $projectId) {{
    projectId userId operation timestamp revision updates {_STATS}
  }}
}}
"""
SEGMENTATION_UPDATED = """
subscription SegmentationUpdated($projectId: ID!) {
  segmentationUpdated(projectId: $projectId, after: 0) {
    imageId operation status progress error { code } timestamp revision
    image { name sizeBytes segmentation { cellCount processingSeconds } }
  }
}
"""
DASHBOARD_UPDATED = f"subscription DashboardUpdated {{ dashboardUpdated {{ {_NUMBERS} }} }}"
QUEUE_STATS_UPDATED = """
subscription QueueStatsUpdated($projectId: ID!) {
  queueStatsUpdated(projectId: $projectId) { queued processing estimatedSeconds }
}
"""
UPLOAD_PROGRESSED = """
subscription UploadProgressed($uploadId: ID!) {
  uploadProgressed(uploadId: $uploadId) {
    uploadId filesTotal filesStored filesRejected bytesReceived done
  }
}
"""

NUMBERS = f"""
query Numbers($projectId: ID!) {{
  project(id: $projectId) {{ stats {_STATS} queue {{ queued processing }} }}
}}
"""
IMAGES = """
query Images($projectId: ID!, $after: String) {
  project(id: $projectId) {
    images(first: 3, after: $after) {
      totalCount
      edges { node { id status sizeBytes revision segmentation { cellCount processingSeconds } } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""
DASHBOARD = f"query Dashboard {{ dashboard {{ {_NUMBERS} }} }}"
