import { Loader } from "@mantine/core";
import { lazy, Suspense } from "react";
import { loaded } from "../../api/loaded";
import { Dialog } from "../../parts/dialog";
import { counted } from "../../parts/format";
import type { Request } from "./segment-form";

const load = () => import("./segment-form");
const SegmentForm = lazy(async () => ({ default: (await loaded(load)).SegmentForm }));

interface Props extends Request {
  opened: boolean;
}

/** Asks how images are to be segmented, and has it done. */
export function SegmentDialog({ opened, ...request }: Props) {
  const { ids, force, onClose } = request;
  const some = ids ? `Segment ${counted(ids.length, "image")}` : "Segment all new images";
  const title = force ? "Segment again" : some;
  return (
    <Dialog opened={opened} onClose={onClose} title={title}>
      <Suspense fallback={<Loader size="sm" />}>
        <SegmentForm {...request} />
      </Suspense>
    </Dialog>
  );
}
