import { Alert, Button, Center, Loader, Stack, Text } from "@mantine/core";
import { useMemo } from "react";
import { count, counted } from "../../parts/format";
import { CellTable } from "./cell-table";
import classes from "./cells.module.css";
import { HistogramChart } from "./histogram-chart";
import { AREA, type Measurements, median } from "./measurements";
import type { Loaded } from "./results";

interface Props {
  image: { width: number; height: number };
  segmentation: { id: string; cellCount: number; cellArea: number } | null;
  measured: Loaded<Measurements>;
  selected: number | null;
  onSelect: (cell: number, isNear: boolean) => void;
}

/** How many cells there are, how large they are, and each of them. */
export function CellsPanel({ image, segmentation, measured, selected, onSelect }: Props) {
  const { value: measurements, error, retry } = measured;
  const areas = measurements?.columns.find(({ key }) => key === AREA)?.values;
  const middle = useMemo(() => (areas ? median(areas) : Number.NaN), [areas]);
  if (!segmentation) {
    return <Nothing>The cells are listed here once the image is segmented.</Nothing>;
  }
  const { cellCount, cellArea } = segmentation;
  if (!cellCount) return <Nothing>The latest run found no cells.</Nothing>;
  return (
    <Stack gap="sm" className={classes.panel}>
      <dl className={classes.summary}>
        <Figure term="Cells" value={count(cellCount)} />
        <Figure term="Median area" value={area(middle)} />
        <Figure term="Mean area" value={area(cellArea / cellCount)} />
        <Figure
          term="Covered"
          value={`${((cellArea / (image.width * image.height)) * 100).toFixed(1)} %`}
        />
      </dl>
      {error && (
        <Alert color="red" variant="light" title="The measurements can't be loaded" role="alert">
          <Text size="sm" mb="xs">
            {error}
          </Text>
          <Button size="xs" variant="default" onClick={retry}>
            Try again
          </Button>
        </Alert>
      )}
      {measurements ? (
        <>
          <HistogramChart
            measurements={measurements}
            row={selected === null ? null : (measurements.rows.get(selected) ?? null)}
          />
          <CellTable measurements={measurements} selected={selected} onSelect={onSelect} />
        </>
      ) : (
        !error && (
          <Center py="xl" role="status">
            <Loader size="sm" mr="sm" aria-hidden />
            <Text size="sm" c="dimmed">
              Measuring {counted(cellCount, "cell")}
            </Text>
          </Center>
        )
      )}
    </Stack>
  );
}

function Nothing({ children }: { children: string }) {
  return (
    <Text size="sm" c="dimmed" ta="center" py="xl" px="md">
      {children}
    </Text>
  );
}

function Figure({ term, value }: { term: string; value: string }) {
  return (
    <div>
      <dt>{term}</dt>
      <dd className="numbers">{value}</dd>
    </div>
  );
}

function area(value: number): string {
  return Number.isNaN(value)
    ? "–"
    : `${value < 100 ? value.toFixed(1) : count(Math.round(value))} px²`;
}
