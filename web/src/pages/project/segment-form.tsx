import { useApolloClient } from "@apollo/client/react";
import {
  Autocomplete,
  Button,
  Checkbox,
  Group,
  Input,
  NumberInput,
  Slider,
  Stack,
  Text,
} from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useProject } from "../../live/project";
import { count, counted } from "../../parts/format";
import { type Order, segment } from "./changes";
import { tell } from "./told";

const MODELS = ["watershed", "cellpose", "stardist"];
const PRIORITIES = [
  { value: 0, label: "Low" },
  { value: 5, label: "Normal" },
  { value: 10, label: "High" },
];

export interface Request {
  /** The images; null for all of the project that are not segmented yet. */
  ids: readonly string[] | null;
  /** Whether also what is segmented already; where it is left out, that is asked. */
  force?: boolean;
  onClose: () => void;
  onDone?: () => void;
}

/** The form alone: its fields are loaded once somebody wants them. */
export function SegmentForm({ ids, force, onClose, onDone }: Request) {
  const client = useApolloClient();
  const { id: projectId } = useProject();
  const [order, setOrder] = useState<Order>({
    model: "watershed",
    threshold: null,
    priority: 5,
    force: force ?? false,
  });
  const [isBusy, setBusy] = useState(false);
  const change = (next: Partial<Order>) => setOrder({ ...order, ...next });

  async function submit(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    const outcome = await segment(client, projectId, ids, { ...order, model: order.model.trim() });
    setBusy(false);
    tell(outcome, "Queued", "Nothing to do: all of these are segmented already, or in the queue.");
    if (outcome.error) return;
    onClose();
    onDone?.();
  }

  return (
    <form onSubmit={submit}>
      <Stack>
        {!ids && <Affected />}
        <Autocomplete
          label="Model"
          description="Watershed is always there. Others wait for a worker that has them."
          data={MODELS}
          value={order.model}
          onChange={(model) => change({ model })}
          maxLength={100}
          required
        />
        <NumberInput
          label="Threshold"
          description="Leave it empty to have the model choose."
          value={order.threshold ?? ""}
          onChange={(value) => change({ threshold: value === "" ? null : Number(value) })}
          step={0.1}
          decimalScale={4}
        />
        <Input.Wrapper label="Priority" description="Higher ones are done first." pb="lg">
          <Slider
            min={0}
            max={10}
            step={1}
            marks={PRIORITIES}
            value={order.priority}
            onChange={(priority) => change({ priority })}
            thumbLabel="Priority"
            mt="xs"
            mx="sm"
          />
        </Input.Wrapper>
        {force === undefined && (
          <Checkbox
            label="Also segment again what is segmented already"
            checked={order.force}
            onChange={({ currentTarget: { checked } }) => change({ force: checked })}
          />
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={isBusy}>
            Segment
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Affected() {
  const { stats } = useProject();
  const failed = stats.failedCount ? ` and ${count(stats.failedCount)} that failed` : "";
  return (
    <Text size="sm">
      This queues {counted(stats.uploadedCount, "new image")}
      {failed}.
    </Text>
  );
}
