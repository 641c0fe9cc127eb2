import { useEffect } from "react";

const HUB = "Cell Segmentation Hub";

/** Says in the browser's tab what the page is about, while it is there. */
export function useTitle(text: string): void {
  useEffect(() => {
    document.title = `${text} – ${HUB}`;
    return () => {
      document.title = HUB;
    };
  }, [text]);
}
