import { Autocomplete, Button, Group, Modal, NumberInput, Stack } from "@mantine/core";
import { type FormEvent, useState } from "react";
import type { Wish } from "./actions";

// Those that the hub's own workers bring; others are typed.
const MODELS = ["watershed", "cellpose", "stardist"];

interface Props {
  opened: boolean;
  title: string;
  onClose: () => void;
  /** Resolves to whether the image is queued. */
  onSubmit: (wish: Wish) => Promise<boolean>;
}

/** Asks for the model and where it is to draw the line. */
export function SegmentForm({ opened, title, onClose, onSubmit }: Props) {
  const [isBusy, setBusy] = useState(false);
  const [model, setModel] = useState("watershed");
  const [threshold, setThreshold] = useState<number | string>("");

  async function submit(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    const isDone = await onSubmit({
      model: model.trim(),
      ...(typeof threshold === "number" && { threshold }),
    });
    setBusy(false);
    if (isDone) onClose();
  }

  return (
    <Modal opened={opened} onClose={onClose} title={title}>
      <form onSubmit={submit}>
        <Stack>
          <Autocomplete
            label="Model"
            description="One that a worker of this hub has"
            data={MODELS}
            value={model}
            onChange={setModel}
            maxLength={100}
            required
          />
          <NumberInput
            label="Threshold"
            description="Where the model is to draw the line. Empty: its own choice"
            value={threshold}
            onChange={setThreshold}
            step={0.05}
            decimalScale={4}
          />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Close
            </Button>
            <Button type="submit" loading={isBusy}>
              Segment
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
