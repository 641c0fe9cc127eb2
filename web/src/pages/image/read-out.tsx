import { Text } from "@mantine/core";
import { type Store, useStore } from "../../api/store";
import classes from "./viewer.module.css";

/** What the pointer is at, in pixels of the picture, and how large those are on the screen. */
export interface Place {
  scale: number;
  x: number | null;
  y: number | null;
  /** The number of the cell there. */
  cell: number | null;
}

export function ReadOut({ place }: { place: Store<Place> }) {
  const { scale, x, y, cell } = useStore(place);
  const percent = scale * devicePixelRatio * 100;
  return (
    <Text size="xs" className={`${classes.readOut} ${classes.pill} numbers`}>
      {x !== null && y !== null && `x ${Math.floor(x)}, y ${Math.floor(y)} · `}
      {cell !== null && `cell ${cell} · `}
      {percent < 10 ? percent.toFixed(1) : Math.round(percent)} %
    </Text>
  );
}
