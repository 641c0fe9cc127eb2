import { HubError } from "../../api/errors";

/** A picture in tiles, as Deep Zoom descriptors tell it. */
export interface Tiles {
  width: number;
  height: number;
  tileSize: number;
  tileOverlap: number;
  /** Where the tiles are, with a slash at the end. */
  tilesUrl: string;
  fileFormat: string;
}

/** Tiles, and for how many milliseconds more their address is good. */
export interface LoadedTiles {
  tiles: Tiles;
  lasts: number;
}

/**
 * Gets a descriptor; the hub makes the tiles then, where it has not yet, which may take some seconds.
 *
 * Throws HubError with the hub's code, as TILES_FAILED; NETWORK where no answer came.
 */
export async function loadTiles(address: string, signal: AbortSignal): Promise<LoadedTiles> {
  const response = await fetch(address, { signal }).catch((error) => {
    signal.throwIfAborted();
    throw new HubError("NETWORK", `The picture can't be loaded: ${error.message}`);
  });
  if (!response.ok) {
    const { code = "NETWORK", message = "The picture can't be loaded." } = await response
      .json()
      .catch(() => ({}));
    throw new HubError(code, message);
  }
  const lasts = /\bmax-age=(\d+)/.exec(response.headers.get("Cache-Control") ?? "")?.[1];
  return { tiles: tilesOf(await response.text(), address), lasts: Number(lasts ?? 0) * 1_000 };
}

/** Reads a descriptor; `address` is its own. */
export function tilesOf(descriptor: string, address: string): Tiles {
  const number = (name: string) => Number(attribute(descriptor, name));
  const tiles = {
    width: number("Width"),
    height: number("Height"),
    tileSize: number("TileSize"),
    tileOverlap: number("Overlap"),
    tilesUrl: address.replace(/\.[^./?]*(\?.*)?$/, "_files/"),
    fileFormat: attribute(descriptor, "Format"),
  };
  if (!tiles.width || !tiles.height || !tiles.tileSize || !tiles.fileFormat) {
    throw new HubError("TILES_FAILED", "The hub sent no picture in tiles.");
  }
  return tiles;
}

function attribute(descriptor: string, name: string): string {
  return new RegExp(`\\b${name}\\s*=\\s*["']([^"']*)["']`).exec(descriptor)?.[1] ?? "";
}
