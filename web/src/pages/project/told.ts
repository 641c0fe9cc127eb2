import { notifications } from "@mantine/notifications";
import { messageOf } from "../../api/errors";
import { counted } from "../../parts/format";
import type { Outcome } from "./changes";

/** Tells what came of a change of many images. */
export function tell({ count, error }: Outcome, verb: string, nothing: string): void {
  if (error) {
    const done = count ? `${verb} ${counted(count, "image")}, then it failed. ` : "";
    notifications.show({
      color: "red",
      title: "This did not work",
      message: done + messageOf(error),
    });
  } else {
    notifications.show({ message: count ? `${verb} ${counted(count, "image")}.` : nothing });
  }
}

export function tellFailure(error: unknown): void {
  notifications.show({ color: "red", title: "This did not work", message: messageOf(error) });
}
