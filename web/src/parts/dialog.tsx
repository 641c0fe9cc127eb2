import type { ModalProps } from "@mantine/core";
import { lazy, Suspense, useState } from "react";

const Shown = lazy(async () => ({ default: (await import("./dialog-shown")).DialogShown }));

/** A dialog. What dialogs are made of is loaded with the first that is opened. */
export function Dialog(props: ModalProps) {
  const [isWanted, setWanted] = useState(false);
  if (!isWanted && props.opened) setWanted(true);
  return <Suspense>{isWanted && <Shown {...props} />}</Suspense>;
}
