import { useNotifications } from "@mantine/notifications";
import { lazy, Suspense, useEffect, useState } from "react";
import { ahead, loaded } from "../api/loaded";

const load = () => import("./notices-shown");
const Shown = lazy(async () => ({ default: (await loaded(load)).NoticesShown }));

/** Notifications. What shows them is loaded with the first, or once the page has settled. */
export function Notices() {
  const { notifications } = useNotifications();
  const [isWanted, setWanted] = useState(false);
  useEffect(() => ahead(load), []);
  if (!isWanted && notifications.length) setWanted(true);
  return <Suspense>{isWanted && <Shown />}</Suspense>;
}
