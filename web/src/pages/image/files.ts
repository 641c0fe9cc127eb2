import type { ApolloClient } from "@apollo/client";
import { HubError } from "../../api/errors";
import { graphql } from "../../gql";
import type { ExportFormat } from "../../gql/graphql";
import { tellFailure } from "../project/told";

const EXPORT_URL = graphql(`
  query ExportUrl($id: ID!, $format: ExportFormat!) {
    node(id: $id) {
      ... on Segmentation {
        id
        exportUrl(format: $format)
      }
    }
  }
`);

const ORIGINAL_URL = graphql(`
  query OriginalUrl($id: ID!) {
    image(id: $id) {
      id
      url
    }
  }
`);

const TILES_URL = graphql(`
  query TilesUrl($id: ID!) {
    image(id: $id) {
      id
      deepZoomUrl
    }
  }
`);

/**
 * An address of the hub, as one of this page's own origin: the hub that sent the page has the file,
 * under whichever of its names the page was opened. An address is signed without the name.
 */
export function here(address: string): string {
  const { pathname, search } = new URL(address, location.href);
  return pathname + search;
}

/** A new address of what a run found. Throws where there is none any more. */
export async function exportUrl(
  client: ApolloClient,
  segmentationId: string,
  format: ExportFormat,
): Promise<string> {
  const { data } = await client.query({
    query: EXPORT_URL,
    variables: { id: segmentationId, format },
    fetchPolicy: "no-cache",
  });
  if (!data?.node || !("exportUrl" in data.node)) {
    throw new HubError("NOT_FOUND", "What was found there is gone: the image was deleted.");
  }
  return here(data.node.exportUrl);
}

/** A new address of the original file. Throws where there is none any more. */
export async function originalUrl(client: ApolloClient, imageId: string): Promise<string> {
  const { data } = await client.query({
    query: ORIGINAL_URL,
    variables: { id: imageId },
    fetchPolicy: "no-cache",
  });
  if (!data?.image) throw new HubError("NOT_FOUND", "The image was deleted.");
  return here(data.image.url);
}

/** A new address of the picture in tiles. Throws where there is none any more. */
export async function tilesUrl(client: ApolloClient, imageId: string): Promise<string> {
  const { data } = await client.query({
    query: TILES_URL,
    variables: { id: imageId },
    fetchPolicy: "no-cache",
  });
  if (!data?.image) throw new HubError("NOT_FOUND", "The image was deleted.");
  return here(data.image.deepZoomUrl);
}

/** Has the browser save what is at an address, once it is known; says so where there is none. */
export async function download(address: Promise<string>): Promise<void> {
  try {
    const link = document.createElement("a");
    link.href = await address;
    link.download = "";
    link.click();
  } catch (error) {
    tellFailure(error);
  }
}

/** What a run found, in a format. Throws HubError with the hub's code and words. */
export async function fetchExport(
  client: ApolloClient,
  segmentationId: string,
  format: ExportFormat,
  signal: AbortSignal,
): Promise<Response> {
  const response = await fetch(await exportUrl(client, segmentationId, format), { signal }).catch(
    (error) => {
      signal.throwIfAborted();
      throw new HubError("NETWORK", `The hub can't be reached: ${error.message}`);
    },
  );
  if (response.ok) return response;
  const { code = "NETWORK", message = "The hub gave no answer that can be read." } = await response
    .json()
    .catch(() => ({}));
  throw new HubError(code, message);
}
