import { useApolloClient } from "@apollo/client/react";
import { useEffect, useState } from "react";
import { messageOf } from "../../api/errors";
import { FeatureReader } from "./features";
import { fetchExport } from "./files";
import { type Measurements, measurementsOf } from "./measurements";
import { type Outlines, OutlinesBuilder } from "./outlines";
import { Pace } from "./pace";

export interface Loaded<T> {
  /** Of the run that was loaded last: the one before, while a new one is on its way. */
  value: T | null;
  /** What to tell people of why it can't be. */
  error: string | null;
  retry: () => void;
}

/** The outlines of a run; runs don't change, so each is loaded once. */
export function useOutlines(segmentationId: string | null): Loaded<Outlines> {
  return useExport(segmentationId, "GEOJSON", readOutlines);
}

/** What was measured of the cells of a run. */
export function useMeasurements(segmentationId: string | null): Loaded<Measurements> {
  return useExport(segmentationId, "CSV", readMeasurements);
}

async function readOutlines(response: Response): Promise<Outlines> {
  const [reader, builder, pace] = [new FeatureReader(), new OutlinesBuilder(), new Pace()];
  const body = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  for (let piece = await body?.read(); piece && !piece.done; piece = await body?.read()) {
    for (const feature of reader.push(piece.value)) {
      builder.add(feature);
      await pace.rest();
    }
  }
  return builder.build();
}

async function readMeasurements(response: Response): Promise<Measurements> {
  return measurementsOf(await response.text());
}

function useExport<T>(
  segmentationId: string | null,
  format: "CSV" | "GEOJSON",
  read: (response: Response) => Promise<T>,
): Loaded<T> {
  const client = useApolloClient();
  const [value, setValue] = useState<T | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [attempt, setAttempt] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: Another attempt loads again.
  useEffect(() => {
    setError(null);
    if (segmentationId === null) {
      setValue(null);
      return undefined;
    }
    const aborting = new AbortController();
    fetchExport(client, segmentationId, format, aborting.signal)
      .then(read)
      .then((loaded) => {
        if (!aborting.signal.aborted) setValue(() => loaded);
      })
      .catch((failure: unknown) => {
        if (!aborting.signal.aborted) setError(messageOf(failure));
      });
    return () => aborting.abort();
  }, [client, segmentationId, format, read, attempt]);
  return { value, error, retry: () => setAttempt(attempt + 1) };
}
