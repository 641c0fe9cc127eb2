import { useApolloClient } from "@apollo/client/react";
import { Button, CloseButton, Group, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlayerPlay, IconPlayerStop, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { useProject } from "../../live/project";
import { type Selection, useSelectedCount } from "../../live/selection";
import { Dialog } from "../../parts/dialog";
import { count, counted } from "../../parts/format";
import { cancel, remove } from "./changes";
import { SegmentDialog } from "./segment-dialog";
import classes from "./selection-bar.module.css";
import { tell } from "./told";

interface Props {
  selection: Selection;
  /** How many images the filter takes in, as far as is known. */
  total: number;
  onSelectAll: () => Promise<void>;
}

/** What can be done with what is selected; nothing where nothing is. */
export function SelectionBar({ selection, total, onSelectAll }: Props) {
  const selected = useSelectedCount(selection);
  const client = useApolloClient();
  const { id: projectId } = useProject();
  const [busy, setBusy] = useState<"all" | "cancel" | "delete" | null>(null);
  const [toSegment, setToSegment] = useState<readonly string[] | null>(null);
  const [isConfirming, confirming] = useDisclosure(false);

  async function during(what: NonNullable<typeof busy>, work: () => Promise<void>) {
    setBusy(what);
    await work();
    setBusy(null);
  }

  const stop = () =>
    during("cancel", async () => {
      const outcome = await cancel(client, projectId, selection.all());
      tell(outcome, "Cancelled", "None of these is in the queue.");
      if (!outcome.error) selection.clear();
    });

  const erase = () =>
    during("delete", async () => {
      const outcome = await remove(client, selection.all());
      tell(outcome, "Deleted", "Nothing was deleted.");
      confirming.close();
      if (!outcome.error) selection.clear();
    });

  return (
    <>
      {selected > 0 && (
        <section aria-label="Selected images" className={classes.bar} data-selection>
          <Group gap="xs" wrap="nowrap">
            <CloseButton aria-label="Select nothing" onClick={() => selection.clear()} />
            <Text fw={600} size="sm" role="status" className="numbers">
              {count(selected)} selected
            </Text>
            {selected < total && (
              <Button
                variant="subtle"
                size="compact-sm"
                loading={busy === "all"}
                onClick={() => during("all", onSelectAll)}
              >
                Select all
              </Button>
            )}
          </Group>
          <Group gap="xs" wrap="nowrap">
            <Button
              size="xs"
              leftSection={<IconPlayerPlay size={14} aria-hidden />}
              onClick={() => setToSegment(selection.all())}
            >
              Segment
            </Button>
            <Button
              size="xs"
              variant="default"
              leftSection={<IconPlayerStop size={14} aria-hidden />}
              loading={busy === "cancel"}
              onClick={stop}
            >
              Cancel
            </Button>
            <Button
              size="xs"
              variant="default"
              c="var(--mantine-color-error)"
              leftSection={<IconTrash size={14} aria-hidden />}
              onClick={confirming.open}
            >
              Delete
            </Button>
          </Group>
        </section>
      )}
      <SegmentDialog
        ids={toSegment ?? []}
        opened={toSegment !== null}
        onClose={() => setToSegment(null)}
        onDone={() => selection.clear()}
      />
      <Dialog
        opened={isConfirming}
        onClose={confirming.close}
        title={`Delete ${counted(selected, "image")}`}
      >
        <Stack>
          <Text size="sm">
            They are deleted for everybody, with all that was found in them. This can't be undone.
          </Text>
          <Group justify="flex-end">
            <Button variant="default" onClick={confirming.close} data-autofocus>
              Keep them
            </Button>
            <Button color="red.9" loading={busy === "delete"} onClick={erase}>
              Delete {counted(selected, "image")}
            </Button>
          </Group>
        </Stack>
      </Dialog>
    </>
  );
}
