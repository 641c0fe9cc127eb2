import { TextInput, UnstyledButton } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { useSearchParams } from "react-router";
import type { NumbersFragment, SegmentationStatus } from "../../gql/graphql";
import type { Filter } from "../../live/gallery";
import { count } from "../../parts/format";
import { ALL_STATUSES, STATUSES } from "../../parts/status";
import { countOf } from "../../parts/status-bar";
import classes from "./filters.module.css";

const SEARCH_DELAY = 250;
const LONGEST_SEARCH = 255;

/** The filter that the address names, and what puts another one there. */
export function useFilter(): [Filter, (next: Partial<Filter>) => void] {
  const [parameters, setParameters] = useSearchParams();
  const named = parameters.get("status")?.split(",") ?? [];
  const filter = {
    statuses: ALL_STATUSES.filter((status) => named.includes(status)),
    search: parameters.get("search")?.slice(0, LONGEST_SEARCH) ?? "",
  };
  const change = (next: Partial<Filter>) => {
    const { statuses, search } = { ...filter, ...next };
    const query = new URLSearchParams();
    if (statuses.length) query.set("status", statuses.join(","));
    if (search) query.set("search", search);
    setParameters(query, { replace: true, preventScrollReset: true });
  };
  return [filter, change];
}

interface Props {
  stats: NumbersFragment;
  filter: Filter;
  onChange: (next: Partial<Filter>) => void;
}

/** Chips that have a status each, with how many images have it. */
export function StatusFilter({ stats, filter: { statuses }, onChange }: Props) {
  const toggle = (status: SegmentationStatus) =>
    onChange({
      statuses: statuses.includes(status)
        ? statuses.filter((other) => other !== status)
        : [...statuses, status],
    });
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset can't scroll sideways
    <div role="group" aria-label="Show images by status" className={classes.chips}>
      <Chip
        label="All"
        number={stats.imageCount}
        pressed={!statuses.length}
        onClick={() => onChange({ statuses: [] })}
      />
      {ALL_STATUSES.map((status) => (
        <Chip
          key={status}
          status={status}
          label={STATUSES[status].label}
          number={countOf(stats, status)}
          pressed={statuses.includes(status)}
          onClick={() => toggle(status)}
        />
      ))}
    </div>
  );
}

interface ChipProps {
  label: string;
  number: number;
  pressed: boolean;
  status?: SegmentationStatus;
  onClick: () => void;
}

function Chip({ label, number, pressed, status, onClick }: ChipProps) {
  return (
    <UnstyledButton
      className={classes.chip}
      data-status={status}
      data-none={number === 0 || undefined}
      aria-pressed={pressed}
      onClick={onClick}
    >
      {status && <span className={classes.dot} aria-hidden />}
      {label}
      <span className={`${classes.number} numbers`}>{count(number)}</span>
    </UnstyledButton>
  );
}

/** Searches a moment after the last key, for what the address names. */
export function Search({ filter, onChange }: Omit<Props, "stats">) {
  const [typed, setTyped] = useState(filter.search);
  const search = useDebouncedCallback(
    (text: string) => onChange({ search: text.trim() }),
    SEARCH_DELAY,
  );
  useEffect(() => {
    setTyped((before) => (before.trim() === filter.search ? before : filter.search));
  }, [filter.search]);
  return (
    <TextInput
      type="search"
      value={typed}
      onChange={({ currentTarget: { value } }) => {
        setTyped(value);
        search(value);
      }}
      maxLength={LONGEST_SEARCH}
      placeholder="Search by name"
      aria-label="Search images by name"
      leftSection={<IconSearch size={16} aria-hidden />}
      className={classes.search}
    />
  );
}
