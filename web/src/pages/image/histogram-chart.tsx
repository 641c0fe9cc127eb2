import { Group, NativeSelect, Text } from "@mantine/core";
import { useMemo, useState } from "react";
import { counted } from "../../parts/format";
import classes from "./cells.module.css";
import { binOf, histogramOf } from "./histogram";
import { AREA, type Column, type Measurements, median, NUMBERS } from "./measurements";

const BINS = 30;
const HEIGHT = 56;

interface Props {
  measurements: Measurements;
  /** The row that stands out. */
  row: number | null;
}

/** How a measure is spread over the cells. */
export function HistogramChart({ measurements, row }: Props) {
  const choices = measurements.columns.filter(({ key }) => !NUMBERS.has(key));
  const [key, setKey] = useState(AREA);
  const column = choices.find((choice) => choice.key === key) ?? choices[0];
  if (!column) return null;
  return (
    <div>
      <NativeSelect
        size="xs"
        aria-label="Measure of the histogram"
        value={column.key}
        onChange={(event) => setKey(event.currentTarget.value)}
        data={choices.map((choice) => ({ value: choice.key, label: choice.label }))}
      />
      <Bars column={column} row={row} />
    </div>
  );
}

function Bars({ column, row }: { column: Column; row: number | null }) {
  const { values, label, digits } = column;
  const histogram = useMemo(() => histogramOf(values, BINS), [values]);
  const middle = useMemo(() => median(values), [values]);
  if (!histogram) return null;
  const { low, high, counts } = histogram;
  const most = Math.max(...counts);
  const marked = row === null ? null : binOf(histogram, values[row] ?? Number.NaN);
  const text = `${label} from ${low.toFixed(digits)} to ${high.toFixed(digits)}, median ${middle.toFixed(digits)}`;
  return (
    <>
      <svg
        viewBox={`0 0 ${BINS} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Histogram: ${text}`}
        className={classes.histogram}
      >
        {counts.map((count, bin) => {
          // A bin of a few among thousands is to be seen, too.
          const height = count && Math.max((count / most) * HEIGHT, 1.5);
          return (
            <rect
              // biome-ignore lint/suspicious/noArrayIndexKey: A bin is its place.
              key={bin}
              x={bin + 0.06}
              y={HEIGHT - height}
              width={0.88}
              height={height}
              data-marked={bin === marked || undefined}
            >
              <title>{counted(count, "cell")}</title>
            </rect>
          );
        })}
      </svg>
      <Group justify="space-between" gap={0}>
        <Text size="xs" c="dimmed" className="numbers">
          {low.toFixed(digits)}
        </Text>
        <Text size="xs" c="dimmed" className="numbers">
          median {middle.toFixed(digits)}
        </Text>
        <Text size="xs" c="dimmed" className="numbers">
          {high.toFixed(digits)}
        </Text>
      </Group>
    </>
  );
}
