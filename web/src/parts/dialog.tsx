import type { ModalProps } from "@mantine/core";
import { lazy, Suspense, useEffect, useState } from "react";
import { ahead, loaded } from "../api/loaded";

const load = () => import("./dialog-shown");
const Shown = lazy(async () => ({ default: (await loaded(load)).DialogShown }));

/** A dialog. What dialogs are made of is loaded with the first, or once the page has settled. */
export function Dialog(props: ModalProps) {
  const [isWanted, setWanted] = useState(false);
  useEffect(() => ahead(load), []);
  if (!isWanted && props.opened) setWanted(true);
  return <Suspense>{isWanted && <Shown {...props} />}</Suspense>;
}
