import { type ReactNode, Suspense, useState } from "react";

/** Has a dialog, whose code is loaded when it is needed, from the first time that it is opened. */
export function OnceOpened({ opened, children }: { opened: boolean; children: ReactNode }) {
  const [wasOpened, setOpened] = useState(opened);
  if (opened && !wasOpened) setOpened(true);
  return wasOpened && <Suspense>{children}</Suspense>;
}
