import { Store } from "../../api/store";
import type { Style } from "./painter";

/** How outlines look: the same for all images that are looked at one after the other. */
export const appearance = new Store<Style>({ visible: true, fill: 0.15, colouring: "none" });

export function changeAppearance(change: Partial<Style>): void {
  appearance.set({ ...appearance.get(), ...change });
}
