import { Skeleton, Text, Tooltip } from "@mantine/core";
import { useState } from "react";
import { graphql } from "../../gql";
import type { DashboardUpdatedSubscription } from "../../gql/graphql";
import { useStream } from "../../live/stream";
import { bytes, count, duration } from "../../parts/format";
import classes from "./dashboard.module.css";

const DASHBOARD_UPDATED = graphql(`
  subscription DashboardUpdated {
    dashboardUpdated {
      projectCount
      imageCount
      segmentedCount
      queuedCount
      processingCount
      storageBytes
      efficiency {
        imagesPerHour
        successRate
        meanWaitSeconds
        meanRunSeconds
      }
    }
  }
`);

type Numbers = DashboardUpdatedSubscription["dashboardUpdated"];

interface Metric {
  label: string;
  value: (numbers: Numbers) => string;
  detail?: (numbers: Numbers) => string | null;
  hint: string;
}

const METRICS: readonly Metric[] = [
  {
    label: "Images",
    value: ({ imageCount }) => count(imageCount),
    detail: ({ storageBytes }) => bytes(storageBytes),
    hint: "In all projects that you can see, and what their files take up",
  },
  {
    label: "Segmented",
    value: ({ segmentedCount }) => count(segmentedCount),
    detail: ({ segmentedCount, imageCount }) => share(segmentedCount, imageCount),
    hint: "Images in which cells were found",
  },
  {
    label: "Queued",
    value: ({ queuedCount }) => count(queuedCount),
    detail: ({ efficiency }) => wait(efficiency.meanWaitSeconds, "wait"),
    hint: "Images that wait for a worker, and how long they waited on average in the last 24 hours",
  },
  {
    label: "Running",
    value: ({ processingCount }) => count(processingCount),
    detail: ({ efficiency }) => wait(efficiency.meanRunSeconds, "run"),
    hint: "Images at which a worker is, and how long runs took on average in the last 24 hours",
  },
  {
    label: "Images an hour",
    value: ({ efficiency }) => rate(efficiency.imagesPerHour),
    detail: () => "last 24 h",
    hint: "Segmented images, over the last 24 hours",
  },
  {
    label: "Runs that succeed",
    value: ({ efficiency }) =>
      efficiency.successRate == null ? "–" : `${floor(efficiency.successRate * 100)} %`,
    detail: () => "last 24 h",
    hint: "Runs that ended with a result, of all that ended in the last 24 hours",
  },
];

/** The numbers of all projects together. Each is what the hub said last; nothing is counted here. */
export function Metrics() {
  const [numbers, setNumbers] = useState<Numbers | null>(null);
  useStream(
    DASHBOARD_UPDATED,
    {},
    { next: ({ dashboardUpdated }) => setNumbers(dashboardUpdated) },
  );
  return (
    <section aria-label="All projects together">
      <dl className={classes.metrics}>
        {METRICS.map(({ label, value, detail, hint }) => (
          <Tooltip key={label} label={hint} multiline maw={260}>
            <div className={`card ${classes.metric}`}>
              <dt>
                <Text component="span" size="sm" c="dimmed">
                  {label}
                </Text>
              </dt>
              <dd className="numbers">
                <Skeleton visible={!numbers} className={classes.value} data-metric={label}>
                  {numbers ? value(numbers) : "0"}
                </Skeleton>
                <Text component="span" size="xs" c="dimmed">
                  {numbers && detail ? (detail(numbers) ?? " ") : " "}
                </Text>
              </dd>
            </div>
          </Tooltip>
        ))}
      </dl>
    </section>
  );
}

function share(part: number, whole: number): string | null {
  return whole ? `${floor((part / whole) * 100)} %` : null;
}

function wait(seconds: number | null | undefined, noun: string): string | null {
  return seconds == null ? null : `${duration(seconds)} ${noun}`;
}

function rate(perHour: number): string {
  return perHour >= 10 || perHour === 0 ? count(Math.round(perHour)) : perHour.toFixed(1);
}

// 99.6 % is not all of it.
function floor(percent: number): number {
  return percent > 99 ? Math.floor(percent) : Math.round(percent);
}
