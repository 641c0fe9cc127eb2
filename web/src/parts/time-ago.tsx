import { Store, useStore } from "../api/store";
import { ago, date } from "./format";

const now = new Store(Date.now());
setInterval(() => now.set(Date.now()), 15_000);

/** How long ago an instant was; it grows older while it is looked at. */
export function TimeAgo({ instant }: { instant: string }) {
  const text = ago(instant, useStore(now));
  return (
    <time dateTime={instant} title={date(instant)}>
      {text}
    </time>
  );
}
