import { useGraphiQL } from "@graphiql/react";
import { useEffect, useRef } from "react";
import { retryWait } from "../src/api/retry-wait";
import { accessToken, session } from "../src/api/session";
import { useStore } from "../src/api/store";
import { refreshed, withToken } from "./credentials";

const EARLY_MILLISECONDS = 25_000;
// Where tokens are good for less than that, they need not be renewed all the time.
const SHORTEST_MILLISECONDS = 5_000;
// What timers can wait for.
const LONGEST_MILLISECONDS = 2 ** 31 - 1;

/**
 * Keeps the session's token in the headers of the tab that is shown.
 *
 * A tab gets it when it is first shown after signing in, unless its headers have something already,
 * and has it replaced when it is refreshed. One whose headers people emptied stays empty.
 */
export function useTokenInHeaders(): void {
  const token = useStore(session)?.accessToken ?? null;
  const editor = useGraphiQL((state) => state.headerEditor);
  const tab = useGraphiQL(({ tabs, activeTabIndex }) => tabs[activeTabIndex]?.id);
  const served = useRef(new Set<string>());

  useEffect(() => {
    if (!editor || tab === undefined) return;
    if (token === null) served.current.clear();
    const text = editor.getValue();
    let next = refreshed(text, token);
    if (token !== null && !served.current.has(tab)) {
      served.current.add(tab);
      if (next.trim() === "") next = withToken(next, token);
    }
    if (next !== text) editor.setValue(next);
  }, [editor, tab, token]);
}

/** Renews the token shortly before it expires, for as long as the page is open. */
export function useFreshToken(): void {
  const expiresAt = useStore(session)?.expiresAt;

  useEffect(() => {
    if (expiresAt === undefined) return undefined;
    let over = false;
    const left = expiresAt - Date.now() - EARLY_MILLISECONDS;
    const wait = Math.min(Math.max(left, SHORTEST_MILLISECONDS), LONGEST_MILLISECONDS);
    const timer = setTimeout(async () => {
      for (let attempt = 0; !over; attempt += 1) {
        const answered = await accessToken().then(
          () => true,
          () => false,
        );
        if (answered) return;
        await retryWait(attempt);
      }
    }, wait);
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [expiresAt]);
}
