import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useStore } from "../../api/store";
import type { Gallery } from "../../live/gallery";
import { type Selection, useSelectedCount } from "../../live/selection";
import classes from "./grid.module.css";
import { Tile, TilePlace } from "./tile";

const GAP = 12;
const NARROWEST_TILE = 176;
const FEWEST_COLUMNS = 2;
const WORDS_HEIGHT = 64;
const ROWS_AHEAD = 4;
const IMAGES_AHEAD = 120;
// A row's tiles take some milliseconds; whoever scrolls fast sees their places for a moment.
const ROWS_A_FRAME = 3;
const NO_ROWS: ReadonlySet<number> = new Set();
const NOTHING_SELECTED = { size: 0, subscribe: () => () => {} } as unknown as Selection;

interface Props {
  gallery: Gallery;
  /** How many images there are, as far as is known: more than are loaded, maybe. */
  total: number;
  selection: Selection | null;
  /** Selects all that the filter takes in. */
  onSelectAll: () => void;
}

/** All images of the gallery, of which only those in sight are on the page. */
export function Grid({ gallery, total, selection, onSelectAll }: Props) {
  useStore(gallery.state);
  const selecting = useSelectedCount(selection ?? NOTHING_SELECTED) > 0;
  const { ref, width, top } = usePlace();
  const columns = Math.max(FEWEST_COLUMNS, Math.floor((width + GAP) / (NARROWEST_TILE + GAP)));
  const tileWidth = (width - GAP * (columns - 1)) / columns;
  const rowHeight = Math.round(tileWidth * 0.75) + WORDS_HEIGHT + GAP;
  const virtualizer = useWindowVirtualizer({
    count: Math.ceil(total / columns),
    estimateSize: () => rowHeight,
    overscan: ROWS_AHEAD,
    scrollMargin: top,
    useFlushSync: false,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was measured holds no more
  useLayoutEffect(() => virtualizer.measure(), [virtualizer, rowHeight]);

  const isDown = (virtualizer.scrollOffset ?? 0) > top;
  useEffect(() => gallery.hold(isDown), [gallery, isDown]);

  const rows = virtualizer.getVirtualItems();
  const from = (rows[0]?.index ?? 0) * columns;
  const to = Math.min(((rows.at(-1)?.index ?? -1) + 1) * columns, total);
  const version = gallery.state.get().version;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a list that changed may lack some
  useEffect(() => gallery.ensure(to + IMAGES_AHEAD), [gallery, to, version]);

  const isFilled = useFilled(inSightFirst(rows, virtualizer.range), virtualizer.isScrolling);

  const [active, setActive] = useState(0);
  const focused = useRef<number | null>(null);
  useEffect(() => {
    if (focused.current === null) return;
    const link = linkAt(ref.current, focused.current);
    if (!link) return;
    focused.current = null;
    link.focus({ preventScroll: true });
  });

  function move(index: number) {
    focused.current = index;
    setActive(index);
    virtualizer.scrollToIndex(Math.floor(index / columns));
  }

  function press(event: KeyboardEvent<HTMLDivElement>) {
    const at = Number((event.target as HTMLElement).dataset.index ?? Number.NaN);
    const id = gallery.ids[at];
    if (Number.isNaN(at)) return;
    const next = neighbour(event.key, at, columns, gallery.ids.length - 1);
    if (next !== null) move(next);
    else if (event.key === " " && id && event.shiftKey) selection?.extend(id, gallery.ids);
    else if (event.key === " " && id) selection?.toggle(id);
    else if (event.key === "Escape") selection?.clear();
    else if (event.key === "a" && (event.ctrlKey || event.metaKey)) onSelectAll();
    else return;
    event.preventDefault();
  }

  const reachable = Math.max(from, Math.min(active, to - 1));
  return (
    // biome-ignore lint/a11y/useSemanticElements: tables of a browser can't leave rows out
    <div
      ref={ref}
      role="grid"
      aria-label="Images"
      aria-rowcount={Math.ceil(total / columns)}
      aria-colcount={columns}
      className={classes.grid}
      data-selecting={selecting || undefined}
      style={{ height: Math.max(0, virtualizer.getTotalSize() - GAP) }}
      onKeyDown={press}
      onFocus={({ target }) => {
        const at = Number((target as HTMLElement).dataset.index);
        if (!Number.isNaN(at)) setActive(at);
      }}
    >
      {rows.map(({ index: row, start }) => (
        // biome-ignore lint/a11y/useSemanticElements: as above
        // biome-ignore lint/a11y/useFocusableInteractive: the links in it are
        <div
          key={row}
          role="row"
          aria-rowindex={row + 1}
          className={classes.row}
          style={{
            gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`,
            height: rowHeight - GAP,
            transform: `translateY(${start - top}px)`,
          }}
        >
          {Array.from({ length: Math.min(columns, total - row * columns) }, (_, column) => {
            const index = row * columns + column;
            const id = gallery.ids[index];
            return (
              // biome-ignore lint/a11y/useSemanticElements: as above
              // biome-ignore lint/a11y/useFocusableInteractive: as above
              <div key={id ?? index} role="gridcell" className={classes.cell}>
                {id && isFilled(row) ? (
                  <Tile
                    id={id}
                    index={index}
                    gallery={gallery}
                    selection={selection}
                    selecting={selecting}
                    reachable={index === reachable}
                  />
                ) : (
                  <TilePlace />
                )}
              </div>
            );
          })}
        </div>
      ))}
    </div>
  );
}

function inSightFirst(
  rows: readonly { index: number }[],
  range: { startIndex: number; endIndex: number } | null,
): number[] {
  const isHidden = (row: number) =>
    range !== null && (row < range.startIndex || row > range.endIndex) ? 1 : 0;
  return rows.map(({ index }) => index).sort((one, other) => isHidden(one) - isHidden(other));
}

/**
 * Tells which rows have their tiles: all of them, but while the page is scrolled some more with each
 * frame, the first ones first.
 */
function useFilled(rows: readonly number[], isScrolling: boolean): (row: number) => boolean {
  const [filled, setFilled] = useState(NO_ROWS);
  const key = rows.join();
  useEffect(() => {
    const wanted = key ? key.split(",").map(Number) : [];
    const kept = wanted.filter((row) => filled.has(row));
    const missing = wanted.filter((row) => !filled.has(row));
    if (!missing.length && kept.length === filled.size) return undefined;
    const fill = () => setFilled(new Set([...kept, ...missing.slice(0, ROWS_A_FRAME)]));
    if (isScrolling) {
      const frame = requestAnimationFrame(fill);
      return () => cancelAnimationFrame(frame);
    }
    setFilled(new Set(wanted));
    return undefined;
  }, [key, filled, isScrolling]);
  return (row) => !isScrolling || filled.has(row);
}

/** Where a key leads from an image; null where it leads nowhere. */
function neighbour(key: string, at: number, columns: number, last: number): number | null {
  const steps: { [key: string]: number } = {
    ArrowRight: at + 1,
    ArrowLeft: at - 1,
    ArrowDown: at + columns,
    ArrowUp: at - columns,
    Home: 0,
    End: last,
  };
  const step = steps[key];
  return step === undefined ? null : Math.max(0, Math.min(step, last));
}

function linkAt(grid: HTMLElement | null, index: number): HTMLElement | null {
  return grid?.querySelector(`[data-index="${index}"]`) ?? null;
}

// A page that comes back has its height at once, so that it can be scrolled to where it was.
let lastWidth = 1_000;

function usePlace() {
  const ref = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState({ width: lastWidth, top: 0 });
  useLayoutEffect(() => {
    const grid = ref.current;
    if (!grid) return undefined;
    const measure = () => {
      const width = grid.clientWidth;
      const top = Math.round(grid.getBoundingClientRect().top + window.scrollY);
      lastWidth = width;
      setPlace((before) =>
        before.width === width && before.top === top ? before : { width, top },
      );
    };
    measure();
    // Whatever moves the grid down makes the page longer.
    const observer = new ResizeObserver(measure);
    observer.observe(grid);
    observer.observe(document.body);
    return () => observer.disconnect();
  }, []);
  return { ref, ...place };
}
