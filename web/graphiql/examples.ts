/** What GraphiQL's first tabs have. */
export interface Example {
  query: string;
  variables: string;
}

function example(query: string, variables: object = {}): Example {
  return { query: `${query.trim()}\n`, variables: JSON.stringify(variables, null, 2) };
}

const PROJECT = "THE ID OF A PROJECT";

export const examples: Example[] = [
  example(
    `
# Welcome. Run an operation by the button or Ctrl-Enter; more of them are in the tabs beside.
# At the left are the schema's documentation, what you ran before, Files and Account.
#
# This creates an account. Sign in to it in Account, in the bar at the left: what you run from
# then on, you run as that person. Account can create one, too, and keeps its password nowhere.
mutation SignUp($input: SignUpInput!) {
  signUp(input: $input) {
    user {
      id
      name
    }
    expiresAt
  }
}
`,
    { input: { name: "Ann", email: "ann@example.org", password: "the cells divide at dawn" } },
  ),
  example(
    `
# Creates a project. It belongs to you; put its id into the variables of the other tabs.
mutation CreateProject($input: CreateProjectInput!) {
  createProject(input: $input) {
    project {
      id
      name
      viewerRole
    }
  }
}
`,
    { input: { name: "Plate 7", description: "HeLa, stained with DAPI" } },
  ),
  example(
    `
# Your projects, newest first, with their numbers, their members and how much waits in the queue.
query Projects($search: String) {
  projects(first: 20, search: $search) {
    totalCount
    edges {
      node {
        id
        name
        viewerRole
        members {
          role
          user {
            name
          }
        }
        stats {
          imageCount
          segmentedCount
          queuedCount
          processingCount
          failedCount
          storageBytes
          revision
        }
        queue {
          queued
          processing
          estimatedSeconds
        }
      }
    }
  }
}
`,
    { search: null },
  ),
  example(
    `
# The numbers of all your projects: a snapshot of each, then every change, yours and that of others.
# Let it run, and change something in another window. The button ends it.
subscription ProjectUpdated {
  projectUpdated {
    operation
    projectId
    revision
    updates {
      imageCount
      uploadedCount
      queuedCount
      processingCount
      segmentedCount
      failedCount
      storageBytes
    }
  }
}
`,
  ),
  example(
    `
# Stores the files that were picked in Files, in the bar at the left: "file:*" stands for all of
# them, "file:nuclei.tif" for one. Each upload has an uploadId of its own; the same one again stores
# nothing twice.
mutation UploadImages($input: UploadImagesInput!) {
  uploadImages(input: $input) {
    images {
      id
      name
      width
      height
      thumbnailUrl
    }
    rejected {
      name
      code
      message
    }
    repeated
  }
}

# How far that upload is. Files tells it, too; to see it as it comes, run this in a second window.
subscription UploadProgressed($uploadId: ID!) {
  uploadProgressed(uploadId: $uploadId) {
    bytesReceived
    filesStored
    filesRejected
    filesTotal
    done
  }
}
`,
    {
      input: { projectId: PROJECT, uploadId: "upload-1", files: ["file:*"] },
      uploadId: "upload-1",
    },
  ),
  example(
    `
# Queues all images of a project that are not segmented yet, and says how long it may take.
mutation RequestSegmentation($input: RequestSegmentationInput!) {
  requestSegmentation(input: $input) {
    batchId
    jobCount
    jobs {
      position
      estimatedSeconds
      image {
        name
        status
      }
    }
  }
}
`,
    { input: { projectId: PROJECT, model: "watershed" } },
  ),
  example(
    `
# The images of a project, as they change. From after: 0 on, each image comes once with its last
# change, then all changes live. GraphiQL shows the latest event. After a lost connection it goes on
# behind that one's revision, so that nothing is missed.
subscription SegmentationUpdated($projectId: ID!, $after: BigInt) {
  segmentationUpdated(projectId: $projectId, after: $after) {
    operation
    imageId
    revision
    status
    progress
    error {
      message
    }
    image {
      name
      segmentation {
        cellCount
      }
    }
  }
}
`,
    { projectId: PROJECT, after: 0 },
  ),
  example(
    `
# What was found in the images of a project: how many cells, how large, which model, and addresses
# of files with it. The field polygons of a segmentation has all outlines as GeoJSON; it is long.
query Cells($projectId: ID!) {
  project(id: $projectId) {
    name
    exportUrl(formats: [CSV, GEOJSON])
    images(first: 10, status: [SEGMENTED]) {
      totalCount
      edges {
        node {
          name
          url
          segmentation {
            cellCount
            cellArea
            model
            modelVersion
            processingSeconds
            exportUrl(format: CSV)
          }
        }
      }
    }
  }
}
`,
    { projectId: PROJECT },
  ),
  example(
    `
# All your projects in one row of numbers, pushed whenever one of them changes.
subscription DashboardUpdated {
  dashboardUpdated {
    projectCount
    imageCount
    segmentedCount
    queuedCount
    processingCount
    storageBytes
    efficiency {
      imagesPerHour
      meanWaitSeconds
      meanRunSeconds
      successRate
    }
    timestamp
  }
}
`,
  ),
];
