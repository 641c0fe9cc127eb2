import { Alert, Button, Loader, Text, VisuallyHidden } from "@mantine/core";
import {
  type KeyboardEvent,
  type PointerEvent,
  type Ref,
  useEffect,
  useEffectEvent,
  useId,
  useImperativeHandle,
  useRef,
  useState,
} from "react";
import { messageOf } from "../../api/errors";
import { Store, useStore } from "../../api/store";
import { counted } from "../../parts/format";
import { appearance, changeAppearance } from "./appearance";
import { boxAt, type Outlines } from "./outlines";
import { Painter } from "./painter";
import { Picture } from "./picture";
import { type Place, ReadOut } from "./read-out";
import type { Loaded } from "./results";
import { Toolbar } from "./toolbar";
import classes from "./viewer.module.css";

export interface ViewerHandle {
  /** Shows a cell, by its number, from near. */
  zoomTo: (cell: number) => void;
  /** Moves no further than that a cell is on the screen. */
  reveal: (cell: number) => void;
}

interface Props {
  ref: Ref<ViewerHandle>;
  image: { name: string; width: number; height: number; thumbnailUrl: string };
  /** A new address of the picture in tiles. */
  renew: () => Promise<string>;
  outlines: Loaded<Outlines>;
  /** The number of the cell that stands out. */
  selected: number | null;
  onSelect: (cell: number | null) => void;
}

const PAN_SHARE = 0.15;
// Whoever presses with a pointer sees where.
const QUIETLY = { preventScroll: true, focusVisible: false };

/** The picture with the outlines of its cells: to zoom and to pan, by mouse, touch and keyboard. */
export function Viewer({ ref, image, renew, outlines: found, selected, onSelect }: Props) {
  const { value: outlines } = found;
  const frame = useRef<HTMLDivElement>(null);
  const element = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const picture = useRef<Picture | null>(null);
  const [painter, setPainter] = useState<Painter | null>(null);
  const [isReady, setReady] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const [hovered, setHovered] = useState<number | null>(null);
  const [place] = useState(() => new Store<Place>({ scale: 1, x: null, y: null, cell: null }));
  const style = useStore(appearance);
  const help = useId();

  const select = useEffectEvent((x: number, y: number) => {
    const cell = painter?.at(x, y) ?? null;
    onSelect(cell === null ? null : (outlines?.ids[cell] ?? null));
  });
  const address = useEffectEvent(renew);
  const { width, height } = image;
  const thumbnailUrl = useEffectEvent(() => image.thumbnailUrl);

  useEffect(() => {
    if (!element.current || !canvas.current) return undefined;
    const drawn = new Painter(canvas.current);
    const shown = new Picture({
      element: element.current,
      width,
      height,
      thumbnailUrl: thumbnailUrl(),
      renew: () => address(),
      onPress: (x, y) => select(x, y),
      onReady: (error) => {
        setReady(true);
        setFailure(error ? messageOf(error) : null);
      },
      onView: (view) => {
        drawn.follow(view, devicePixelRatio);
        place.set({ ...place.get(), scale: view.scale });
      },
    });
    picture.current = shown;
    setPainter(drawn);
    void shown.open();
    return () => {
      picture.current = null;
      setPainter(null);
      shown.dispose();
      drawn.dispose();
    };
  }, [width, height, place]);

  useEffect(() => painter?.show(outlines), [painter, outlines]);
  useEffect(() => painter?.style(style), [painter, style]);
  useEffect(() => {
    painter?.mark(hovered, selected === null ? null : (outlines?.places.get(selected) ?? null));
  }, [painter, hovered, selected, outlines]);

  useImperativeHandle(ref, () => {
    const box = (cell: number) => {
      const found = outlines?.places.get(cell);
      return outlines && found !== undefined ? boxAt(outlines, found) : null;
    };
    return {
      zoomTo: (cell) => {
        const found = box(cell);
        if (found) picture.current?.zoomTo(found);
      },
      reveal: (cell) => {
        const found = box(cell);
        if (found) picture.current?.reveal(found);
      },
    };
  }, [outlines]);

  function move(event: PointerEvent) {
    const at = picture.current?.pixelAt(event.clientX, event.clientY);
    if (!at) return;
    const isInside = at.x >= 0 && at.y >= 0 && at.x < width && at.y < height;
    const cell = painter?.at(at.x, at.y) ?? null;
    place.set({
      ...place.get(),
      x: isInside ? at.x : null,
      y: isInside ? at.y : null,
      cell: cell === null ? null : (outlines?.ids[cell] ?? null),
    });
    if (event.pointerType !== "touch") setHovered(cell);
  }

  function leave() {
    place.set({ ...place.get(), x: null, y: null, cell: null });
    setHovered(null);
  }

  function press(event: KeyboardEvent) {
    if (event.target !== element.current || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = KEYS[event.key];
    if (!picture.current || !act) return;
    event.preventDefault();
    act(picture.current, { fullScreen: toggleFullScreen, clear: () => onSelect(null) });
  }

  function toggleFullScreen() {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void frame.current?.requestFullscreen?.();
  }

  return (
    <div ref={frame} className={classes.frame}>
      <div
        ref={element}
        role="application"
        aria-roledescription="image viewer"
        aria-label={`Picture of ${image.name}`}
        aria-describedby={help}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: It is moved by keys.
        tabIndex={0}
        className={classes.picture}
        data-pointing={hovered !== null || undefined}
        onKeyDown={press}
        onPointerMove={move}
        onPointerLeave={leave}
        onPointerDown={() => element.current?.focus(QUIETLY)}
      />
      <VisuallyHidden id={help}>
        {outlines
          ? `${counted(outlines.count, "cell")} outlined; the table of cells lists them. `
          : "No cells are outlined. "}
        Arrow keys move the picture, plus and minus zoom, 0 shows all of it, 1 its actual pixels, O
        shows or hides outlines, F fills the screen.
      </VisuallyHidden>
      <canvas ref={canvas} className={classes.outlines} aria-hidden />
      <Toolbar
        hasOutlines={outlines !== null}
        onZoomIn={() => picture.current?.zoomIn()}
        onZoomOut={() => picture.current?.zoomOut()}
        onHome={() => picture.current?.home()}
        onActual={() => picture.current?.actual()}
        onFullScreen={toggleFullScreen}
      />
      <ReadOut place={place} />
      <div className={classes.notice} role="status">
        {!isReady && (
          <Text size="sm" className={classes.pill}>
            <Loader size={12} color="currentColor" mr={8} aria-hidden />
            Loading the picture
          </Text>
        )}
        {failure && (
          <Alert color="yellow" title="This is a small preview" className={classes.warning}>
            {failure}
          </Alert>
        )}
        {found.error && (
          <Alert color="yellow" title="The outlines can't be loaded" className={classes.warning}>
            <Text size="sm" mb="xs">
              {found.error}
            </Text>
            <Button size="xs" variant="default" onClick={found.retry}>
              Try again
            </Button>
          </Alert>
        )}
      </div>
    </div>
  );
}

interface Others {
  fullScreen: () => void;
  clear: () => void;
}

const KEYS: { [key: string]: (picture: Picture, others: Others) => void } = {
  "+": (picture) => picture.zoomIn(),
  "=": (picture) => picture.zoomIn(),
  "-": (picture) => picture.zoomOut(),
  "0": (picture) => picture.home(),
  "1": (picture) => picture.actual(),
  ArrowLeft: (picture) => picture.pan(-PAN_SHARE, 0),
  ArrowRight: (picture) => picture.pan(PAN_SHARE, 0),
  ArrowUp: (picture) => picture.pan(0, -PAN_SHARE),
  ArrowDown: (picture) => picture.pan(0, PAN_SHARE),
  o: () => changeAppearance({ visible: !appearance.get().visible }),
  f: (_, { fullScreen }) => fullScreen(),
  Escape: (_, { clear }) => clear(),
};
