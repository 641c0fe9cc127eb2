import { ActionIcon, Button, CloseButton, Group, Progress, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import {
  IconAlertTriangle,
  IconChevronDown,
  IconChevronUp,
  IconCircleCheck,
  IconCircleX,
  IconClock,
} from "@tabler/icons-react";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useRef } from "react";
import { Link } from "react-router";
import { useStore } from "../api/store";
import type { FileState, Totals, UploadFile } from "../live/upload-manager";
import { uploads } from "../live/uploads";
import { bytes, count, counted } from "./format";
import classes from "./upload-tray.module.css";

const ROW_HEIGHT = 56;

/** What is being uploaded, whatever page is on the screen. */
export function UploadTray() {
  useStore(uploads.version);
  // On a phone it would cover most of the page.
  const [isOpen, { toggle }] = useDisclosure(matchMedia("(min-width: 600px)").matches);
  const totals = uploads.totals();
  const share = totals.bytes ? (totals.received / totals.bytes) * 100 : 100;
  const through = totals.stored + totals.rejected;
  return (
    <section aria-label="Uploads" className={`card ${classes.tray}`}>
      <Group justify="space-between" wrap="nowrap" gap="xs" className={classes.head}>
        <Text size="sm" fw={650} className="numbers" role="status">
          {totals.active
            ? `Uploading ${count(Math.min(through + 1, totals.files))} of ${count(totals.files)}`
            : ended(totals)}
        </Text>
        <Group gap={4} wrap="nowrap">
          <ActionIcon
            variant="subtle"
            color="gray"
            c="inherit"
            aria-label={isOpen ? "Hide the files" : "Show the files"}
            aria-expanded={isOpen}
            onClick={toggle}
          >
            {isOpen ? <IconChevronDown size={18} /> : <IconChevronUp size={18} />}
          </ActionIcon>
          {!totals.active && (
            <CloseButton aria-label="Close the uploads" onClick={() => uploads.clear()} />
          )}
        </Group>
      </Group>
      {totals.active && (
        <Progress
          value={share}
          size="sm"
          radius={0}
          aria-label={`${bytes(totals.received)} of ${bytes(totals.bytes)} uploaded`}
        />
      )}
      {isOpen && (
        <>
          <Files files={uploads.files} />
          <Foot totals={totals} />
        </>
      )}
    </section>
  );
}

function ended({ stored, rejected, failed }: Totals): string {
  const parts = [];
  if (stored || !(rejected || failed)) parts.push(`${counted(stored, "image")} uploaded`);
  if (rejected) parts.push(`${count(rejected)} rejected`);
  if (failed) parts.push(`${count(failed)} failed`);
  return parts.join(", ");
}

function Foot({ totals }: { totals: Totals }) {
  if (!totals.waiting && !totals.failed && !totals.active) return null;
  return (
    <Group justify="space-between" gap="xs" className={classes.foot}>
      <Text size="xs" c="dimmed" className="numbers">
        {bytes(totals.received)} of {bytes(totals.bytes)}
      </Text>
      <Group gap="xs">
        {totals.waiting > 0 && (
          <Button variant="subtle" size="compact-xs" onClick={() => uploads.cancelWaiting()}>
            Cancel {count(totals.waiting)} waiting
          </Button>
        )}
        {totals.failed > 0 && (
          <Button size="compact-xs" onClick={() => uploads.retry()}>
            Try {count(totals.failed)} again
          </Button>
        )}
      </Group>
    </Group>
  );
}

function Files({ files }: { files: readonly UploadFile[] }) {
  const scroller = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count: files.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 4,
    useFlushSync: false,
  });
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard
    <section ref={scroller} className={classes.files} tabIndex={0} aria-label="Files">
      <ul style={{ height: virtualizer.getTotalSize() }}>
        {virtualizer.getVirtualItems().map(({ index, start }) => {
          const file = files[index];
          return (
            file && (
              <li key={file.key} style={{ transform: `translateY(${start}px)` }}>
                <Row {...file} />
              </li>
            )
          );
        })}
      </ul>
    </section>
  );
}

function Row({ name, size, state, received, projectId, imageId, message }: UploadFile) {
  const isProblem = state === "rejected" || state === "failed";
  return (
    <>
      <Mark state={state} share={size ? received / size : 1} />
      <div className={classes.words}>
        {imageId ? (
          <Link to={`/projects/${projectId}/images/${imageId}`} className={classes.name}>
            {name}
          </Link>
        ) : (
          <span className={classes.name}>{name}</span>
        )}
        <span
          className={`${classes.state} numbers`}
          data-problem={isProblem || undefined}
          title={message ?? undefined}
        >
          {message ?? WORDS[state]}
          {state === "sending" && !message && ` ${bytes(received)} of ${bytes(size)}`}
        </span>
      </div>
    </>
  );
}

const WORDS: { [state in FileState]: string } = {
  waiting: "Waiting",
  sending: "Sending",
  checking: "Being looked into",
  stored: "Uploaded",
  rejected: "Rejected",
  failed: "Failed",
  cancelled: "Cancelled",
};

function Mark({ state, share }: { state: FileState; share: number }) {
  if (state === "stored") return <IconCircleCheck size={20} className={classes.good} aria-hidden />;
  if (state === "rejected") return <IconCircleX size={20} className={classes.bad} aria-hidden />;
  if (state === "failed") {
    return <IconAlertTriangle size={20} className={classes.bad} aria-hidden />;
  }
  if (state === "waiting" || state === "cancelled") {
    return <IconClock size={20} className={classes.idle} aria-hidden />;
  }
  return (
    <svg viewBox="0 0 20 20" width="20" height="20" className={classes.ring} aria-hidden>
      <title>Progress</title>
      <circle cx="10" cy="10" r="8" />
      <circle cx="10" cy="10" r="8" pathLength="1" strokeDasharray={`${share} 1`} />
    </svg>
  );
}
