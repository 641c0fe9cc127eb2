/** What GraphiQL's first tabs have. */
export interface Example {
  query: string;
  variables: string;
}

// Comments are wrapped to what can be read beside an open panel.
function example(query: string, variables?: object): Example {
  const text = variables ? JSON.stringify(variables, null, 2) : "";
  return { query: `${query.trim()}\n`, variables: text };
}

const PROJECT = "THE ID OF A PROJECT";

export const examples: Example[] = [
  example(
    `
# Welcome. Run an operation by the
# button, or by Ctrl-Enter; the tabs
# beside have more of them. At the left:
# the schema's documentation, what you
# ran before, Files, Account.
#
# This creates an account. To sign in,
# open Account: what you run from then
# on, you run as that person. It creates
# accounts, too, and its passwords are
# not kept in this browser.
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
# Creates a project. It belongs to you.
# Put its id into the variables of the
# tabs to the right.
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
# Your projects, newest first: their
# numbers, their members, how much waits
# in the queue.
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
# The numbers of all your projects: a
# snapshot of each first, then every
# change, whoever made it. Let this run,
# and change something in another
# window. The button ends it.
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
# Stores what was picked in Files, at
# the left: "file:*" stands for all of
# it, "file:cell.tif" for one. Give each
# upload an uploadId of its own: the
# same one again stores nothing twice.
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

# How far that upload is. Files tells
# it, too. Begin this in a second window
# to watch it.
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
# Queues all images of a project that
# are not segmented yet, and says how
# long it may take.
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
# The images of a project, as they
# change. With after: 0 each image comes
# once, as it is, then every change,
# live; the latest is shown. After a
# lost connection it goes on behind the
# last revision, so that nothing is
# missed.
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
# What was found in the images of a
# project: how many cells, how large, by
# which model; and addresses of files
# with it. All outlines are in the
# segmentation's field polygons.
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
# All your projects together, pushed
# whenever one of them changes.
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
