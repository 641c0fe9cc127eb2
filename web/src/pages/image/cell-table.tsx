import { UnstyledButton } from "@mantine/core";
import { IconChevronDown, IconChevronUp } from "@tabler/icons-react";
import { useVirtualizer } from "@tanstack/react-virtual";
import {
  type KeyboardEvent,
  useEffect,
  useEffectEvent,
  useId,
  useMemo,
  useRef,
  useState,
} from "react";
import classes from "./cells.module.css";
import { type Column, LABEL, type Measurements, sorted } from "./measurements";

interface Props {
  measurements: Measurements;
  selected: number | null;
  /** Chosen by keys: to be seen; by a press: to be shown from near. */
  onSelect: (cell: number, isNear: boolean) => void;
}

const ROW = 30;
const PAGE = 12;

/** All cells with all that was measured. Rows are there while they are on the screen. */
export function CellTable({ measurements, selected, onSelect }: Props) {
  const { columns, labels, count } = measurements;
  const [order, setOrder] = useState({ key: LABEL, descending: false });
  const scroller = useRef<HTMLDivElement>(null);
  const table = useRef<HTMLTableElement>(null);
  const id = useId();
  const rows = useMemo(() => {
    const by = columns.find(({ key }) => key === order.key) ?? columns[0];
    return by ? sorted(by.values, order.descending) : new Uint32Array();
  }, [columns, order]);
  const places = useMemo(() => {
    const found = new Uint32Array(rows.length);
    rows.forEach((row, place) => {
      found[row] = place;
    });
    return found;
  }, [rows]);
  const virtual = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 8,
    scrollPaddingStart: ROW,
  });

  const row = selected === null ? undefined : measurements.rows.get(selected);
  const place = row === undefined ? null : (places[row] ?? null);
  const scroll = useEffectEvent((to: number) => virtual.scrollToIndex(to));
  useEffect(() => {
    if (place !== null) scroll(place);
  }, [place]);

  function choose(to: number, isNear: boolean) {
    const label = labels[rows[Math.min(Math.max(to, 0), count - 1)] as number];
    if (label !== undefined) onSelect(label, isNear);
  }

  function press(event: KeyboardEvent) {
    if (event.target !== table.current) return;
    const from = place ?? -1;
    const to = {
      ArrowDown: from + 1,
      ArrowUp: Math.max(from, 1) - 1,
      PageDown: from + PAGE,
      PageUp: from - PAGE,
      Home: 0,
      End: count - 1,
      Enter: from,
    }[event.key];
    if (to === undefined || (event.key === "Enter" && place === null)) return;
    event.preventDefault();
    choose(to, event.key === "Enter");
  }

  function sortBy(key: string) {
    setOrder((before) => ({ key, descending: before.key === key && !before.descending }));
  }

  return (
    <div ref={scroller} className={classes.scroller}>
      <table
        ref={table}
        // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: Keys move in it.
        role="grid"
        aria-label="Cells"
        aria-rowcount={count + 1}
        aria-colcount={columns.length}
        aria-activedescendant={place === null ? undefined : `${id}-${place}`}
        tabIndex={0}
        className={classes.table}
        onKeyDown={press}
      >
        <thead>
          <tr aria-rowindex={1} className={classes.header}>
            {columns.map((column) => (
              <Header
                key={column.key}
                column={column}
                sort={order.key === column.key ? order.descending : null}
                onSort={() => sortBy(column.key)}
              />
            ))}
          </tr>
        </thead>
        <tbody className={classes.body} style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, start }) => (
            <tr
              key={index}
              id={`${id}-${index}`}
              aria-rowindex={index + 2}
              aria-selected={index === place}
              className={classes.row}
              style={{ transform: `translateY(${start}px)` }}
              onClick={() => choose(index, true)}
            >
              {columns.map(({ key, values, digits }) => (
                <td key={key} className={`${classes.cell} numbers`}>
                  {written(values[rows[index] as number], digits)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface HeaderProps {
  column: Column;
  /** Whether it descends; null where the table is sorted by another. */
  sort: boolean | null;
  onSort: () => void;
}

function Header({ column: { label, title }, sort, onSort }: HeaderProps) {
  const Icon = sort ? IconChevronDown : IconChevronUp;
  return (
    <th
      scope="col"
      aria-sort={sort === null ? "none" : sort ? "descending" : "ascending"}
      className={classes.cell}
    >
      <UnstyledButton className={classes.sort} title={title} onClick={onSort}>
        {sort !== null && <Icon size={12} aria-hidden />}
        {label}
      </UnstyledButton>
    </th>
  );
}

function written(value: number | undefined, digits: number): string {
  return value === undefined || Number.isNaN(value) ? "–" : value.toFixed(digits);
}
