import { useNotifications } from "@mantine/notifications";
import { lazy, Suspense, useState } from "react";

const Shown = lazy(async () => ({ default: (await import("./notices-shown")).NoticesShown }));

/** Notifications. What shows them is loaded with the first. */
export function Notices() {
  const { notifications } = useNotifications();
  const [isWanted, setWanted] = useState(false);
  if (!isWanted && notifications.length) setWanted(true);
  return <Suspense>{isWanted && <Shown />}</Suspense>;
}
