import { Group, Loader, Text } from "@mantine/core";
import { useEffect, useState } from "react";
import { connection } from "../api/socket";
import { useStore } from "../api/store";
import classes from "./connection-notice.module.css";

const PATIENCE_MILLISECONDS = 800;
const TIME = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

/** Says whether what is on the screen is of this moment; where it is not, of which moment. */
export function ConnectionNotice() {
  const { state, since } = useStore(connection);
  const lost = useLasting(state === "lost");
  return (
    <div role="status" className={classes.notice} data-state={lost ? "lost" : state}>
      {lost ? (
        <Group gap={8} wrap="nowrap">
          <Loader size={14} color="currentColor" aria-hidden />
          <Text size="sm" fw={550}>
            Connecting again. As of {TIME.format(since)}
          </Text>
        </Group>
      ) : (
        state === "open" && (
          <Group gap={8} wrap="nowrap">
            <span className={classes.dot} aria-hidden />
            <Text size="sm" c="dimmed">
              Live
            </Text>
          </Group>
        )
      )}
    </div>
  );
}

// A connection that is back in a moment is nothing to worry anybody with.
function useLasting(condition: boolean): boolean {
  const [lasting, setLasting] = useState(false);
  useEffect(() => {
    if (!condition) {
      setLasting(false);
      return undefined;
    }
    const timer = setTimeout(() => setLasting(true), PATIENCE_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [condition]);
  return condition && lasting;
}
