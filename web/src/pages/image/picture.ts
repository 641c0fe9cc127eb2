import { getNonce } from "get-nonce";
import OpenSeadragon from "openseadragon";
import { codeOf } from "../../api/errors";
import { retryWait } from "../../api/retry-wait";
import { loadTiles } from "./tiles";
import type { View } from "./trace";

interface Options {
  element: HTMLElement;
  width: number;
  height: number;
  thumbnailUrl: string;
  /** A new address of the descriptor; asked for again when the one before has expired. */
  renew: () => Promise<string>;
  /** Told in the very frame in which the picture moved. */
  onView: (view: View) => void;
  /** A short press, at a place of the picture in pixels. */
  onPress: (x: number, y: number) => void;
  /** Told once the picture is there; with what went wrong where it can't be. */
  onReady: (error?: unknown) => void;
}

/** What the hub can't do now, it can in a moment. */
const PASSING = new Set(["NETWORK", "RATE_LIMITED", "SERVICE_UNAVAILABLE"]);
const CRISP_PIXELS = 2;
const MARGIN_MILLISECONDS = 20_000;
const STEP = 1.5;
const SHARE_OF_CELL = 0.2;

// It tells of tiles that fail or come too late, which is dealt with here.
const quiet = () => undefined;
Object.assign(OpenSeadragon, {
  console: { assert: quiet, debug: quiet, error: quiet, info: quiet, log: quiet, warn: quiet },
});

/** The picture of an image, which people zoom and pan: all of OpenSeadragon that there is here. */
export class Picture {
  readonly #options: Options;
  readonly #viewer: OpenSeadragon.Viewer;
  readonly #aborting = new AbortController();
  #tiles: OpenSeadragon.TiledImage | null = null;
  #isRenewing = false;
  /** When the address of the tiles is good no more, by this browser's clock. */
  #expires = Number.POSITIVE_INFINITY;
  #isCrisp = false;

  constructor(options: Options) {
    this.#options = options;
    allowStyle();
    this.#viewer = OpenSeadragon({
      element: options.element,
      drawer: "canvas",
      showNavigationControl: false,
      // Keys are those of the page, which have buttons, too.
      keyboardNavEnabled: false,
      tabIndex: "" as unknown as number,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
      gestureSettingsTouch: { dblClickToZoom: true },
      animationTime: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 0.5,
      visibilityRatio: 0.4,
      maxZoomPixelRatio: 40,
      minZoomImageRatio: 0.5,
      zoomPerScroll: 1.25,
      immediateRender: false,
      // What is new lies over what was there before: none of it fades.
      blendTime: 0,
    });
    this.#viewer.addHandler("update-viewport", () => this.#follow());
    this.#viewer.addHandler("resize", () => this.#viewer.forceRedraw());
    this.#viewer.addHandler("canvas-click", (event) => {
      if (!event.quick) return;
      const { x, y } = this.#pixelAt(event.position);
      options.onPress(x, y);
    });
    // Whoever comes back to the picture after a while is about to need more of it.
    for (const event of ["container-enter", "canvas-press", "zoom", "pan"] as const) {
      this.#viewer.addHandler(event, () => {
        if (this.#expires - Date.now() < MARGIN_MILLISECONDS) void this.#renew();
      });
    }
    this.#viewer.addHandler("tile-load-failed", ({ tiledImage }) => {
      if (tiledImage === this.#tiles) void this.#renew();
    });
    const thumbnail = { type: "image", url: options.thumbnailUrl, buildPyramid: false };
    this.#viewer.open({ tileSource: thumbnail as unknown as OpenSeadragon.TileSource });
  }

  /** Loads the picture in tiles, over the thumbnail. */
  async open(): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        await this.#add();
        this.#options.onReady();
        return;
      } catch (error) {
        if (this.#aborting.signal.aborted) return;
        this.#options.onReady(error);
        if (!PASSING.has(codeOf(error))) return;
        await retryWait(attempt);
        if (this.#aborting.signal.aborted) return;
      }
    }
  }

  async #add(): Promise<void> {
    const { renew } = this.#options;
    const { tiles, lasts } = await loadTiles(await renew(), this.#aborting.signal);
    this.#expires = Date.now() + lasts;
    await new Promise<void>((resolve, reject) => {
      this.#viewer.addTiledImage({
        tileSource: new OpenSeadragon.DziTileSource(tiles as never),
        width: 1,
        success: (event) => {
          const { item } = event as unknown as { item: OpenSeadragon.TiledImage };
          this.#replace(item);
          resolve();
        },
        error: reject,
      });
    });
  }

  // What was there before stays until all of what is new is there.
  #replace(item: OpenSeadragon.TiledImage): void {
    this.#tiles = item;
    const remove = () => {
      const { world } = this.#viewer;
      for (let index = world.getItemCount() - 1; index >= 0; index -= 1) {
        const other = world.getItemAt(index);
        if (other !== item) world.removeItem(other);
      }
    };
    item.addOnceHandler("fully-loaded-change", remove);
  }

  /** Shows the same picture from a new address, at the same place. */
  async #renew(): Promise<void> {
    if (this.#isRenewing || !this.#tiles) return;
    this.#isRenewing = true;
    try {
      await this.#add();
    } catch {
      // What is there stays; whoever moves it tries again.
      this.#expires = 0;
    } finally {
      this.#isRenewing = false;
    }
  }

  zoomIn(): void {
    this.#zoomBy(STEP);
  }

  zoomOut(): void {
    this.#zoomBy(1 / STEP);
  }

  home(): void {
    this.#viewer.viewport.goHome();
  }

  /** One pixel of the image on one of the screen. */
  actual(): void {
    const { viewport } = this.#viewer;
    viewport.zoomTo(this.#zoomOf(1 / devicePixelRatio));
    viewport.applyConstraints();
  }

  /** Moves by shares of what is on the screen. */
  pan(x: number, y: number): void {
    const { viewport } = this.#viewer;
    const { width, height } = viewport.getBounds();
    viewport.panBy(new OpenSeadragon.Point(x * width, y * height));
    viewport.applyConstraints();
  }

  /** Shows a box of the picture, in pixels: all of it, and about five times as much around. */
  zoomTo([left, top, right, bottom]: readonly [number, number, number, number]): void {
    const side = Math.max(right - left, bottom - top, 8) / SHARE_OF_CELL;
    const { width } = this.#options;
    this.#viewer.viewport.fitBounds(
      new OpenSeadragon.Rect(
        ((left + right) / 2 - side / 2) / width,
        ((top + bottom) / 2 - side / 2) / width,
        side / width,
        side / width,
      ),
    );
  }

  /** Moves no further than that a box of the picture is on the screen. */
  reveal([left, top, right, bottom]: readonly [number, number, number, number]): void {
    const view = this.#view();
    const x = (pixel: number) => pixel * view.scale + view.left;
    const y = (pixel: number) => pixel * view.scale + view.top;
    const isSeen =
      x(left) >= 0 && y(top) >= 0 && x(right) <= view.width && y(bottom) <= view.height;
    if (isSeen) return;
    const { width } = this.#options;
    const centre = new OpenSeadragon.Point((left + right) / 2 / width, (top + bottom) / 2 / width);
    this.#viewer.viewport.panTo(centre);
  }

  /** Which pixel of the picture is at a place of the screen; it may be outside of the picture. */
  pixelAt(clientX: number, clientY: number): { x: number; y: number } {
    const { left, top } = this.#options.element.getBoundingClientRect();
    return this.#pixelAt(new OpenSeadragon.Point(clientX - left, clientY - top));
  }

  dispose(): void {
    this.#aborting.abort();
    this.#viewer.destroy();
  }

  #pixelAt({ x, y }: { x: number; y: number }): { x: number; y: number } {
    const { scale, left, top } = this.#view();
    return { x: (x - left) / scale, y: (y - top) / scale };
  }

  #zoomBy(factor: number): void {
    this.#viewer.viewport.zoomBy(factor);
    this.#viewer.viewport.applyConstraints();
  }

  // The picture is as wide as the viewport's unit.
  #zoomOf(scale: number): number {
    return (scale * this.#options.width) / this.#viewer.viewport.getContainerSize().x;
  }

  #view(): View {
    const { viewport } = this.#viewer;
    const { x: width, y: height } = viewport.getContainerSize();
    const { x: left, y: top } = viewport.pixelFromPoint(new OpenSeadragon.Point(0, 0), true);
    const scale = (viewport.getZoom(true) * width) / this.#options.width;
    return { scale, left, top, width, height };
  }

  #follow(): void {
    const view = this.#view();
    const isCrisp = this.#tiles !== null && view.scale >= CRISP_PIXELS;
    if (isCrisp !== this.#isCrisp) {
      this.#isCrisp = isCrisp;
      this.#viewer.drawer.setImageSmoothingEnabled(!isCrisp);
    }
    this.#options.onView(view);
  }
}

// OpenSeadragon adds a style that it does without where there is one already. The page's policy
// takes styles with a nonce only, of which it knows nothing.
function allowStyle(): void {
  const name = "data-openseadragon-mobile-css";
  if (document.querySelector(`style[${name}]`)) return;
  const style = document.createElement("style");
  style.setAttribute(name, "true");
  style.nonce = getNonce() ?? "";
  document.head.append(style);
}
