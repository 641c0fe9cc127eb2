import { expect, test } from "vitest";
import { tilesOf } from "./tiles";

const DESCRIPTOR = `<?xml version="1.0" encoding="UTF-8"?>
<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" Format="webp" Overlap="1" TileSize="510">
<Size Width="10000" Height="9000"/></Image>`;

test("the tiles lie beside their descriptor", () => {
  expect(tilesOf(DESCRIPTOR, "/deepzoom/a-1.5/image.dzi")).toEqual({
    width: 10_000,
    height: 9_000,
    tileSize: 510,
    tileOverlap: 1,
    tilesUrl: "/deepzoom/a-1.5/image_files/",
    fileFormat: "webp",
  });
});

test("what is no descriptor is refused", () => {
  expect(() => tilesOf("<html></html>", "/deepzoom/x/image.dzi")).toThrow("no picture in tiles");
});
