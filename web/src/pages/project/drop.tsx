import { Button, Portal, Stack, Text, Title } from "@mantine/core";
import { IconPhotoPlus } from "@tabler/icons-react";
import { type Ref, useImperativeHandle, useRef } from "react";
import { useProject } from "../../live/project";
import { uploads } from "../../live/uploads";
import { useFileDrop } from "../../parts/file-drop";
import classes from "./drop.module.css";

/** Takes files that are dropped anywhere on the page. */
export function DropAnywhere() {
  const { id, name } = useProject();
  const isOver = useFileDrop((files) => send(id, files));
  if (!isOver) return null;
  return (
    <Portal>
      <Stack align="center" justify="center" gap="xs" className={classes.everywhere}>
        <IconPhotoPlus size={56} stroke={1.3} aria-hidden />
        <Text size="xl" fw={650} ta="center">
          Drop to upload to “{name}”
        </Text>
        <Text>Folders are fine, too.</Text>
      </Stack>
    </Portal>
  );
}

/** Opens the browser's choice of files. */
export function FileChooser({ ref }: { ref: Ref<() => void> }) {
  const { id } = useProject();
  const input = useRef<HTMLInputElement>(null);
  useImperativeHandle(ref, () => () => input.current?.click(), []);
  return (
    <input
      ref={input}
      type="file"
      multiple
      hidden
      accept="image/*,.tif,.tiff"
      aria-label="Images to upload"
      onChange={({ currentTarget }) => {
        send(id, [...(currentTarget.files ?? [])]);
        currentTarget.value = "";
      }}
    />
  );
}

/** What stands in a project without images. */
export function NoImages({ canEdit, onChoose }: { canEdit: boolean; onChoose: () => void }) {
  if (!canEdit) {
    return (
      <Stack align="center" gap={4} py={96}>
        <Title order={2} size="h4">
          No images yet
        </Title>
        <Text c="dimmed">They show up here the moment that somebody uploads them.</Text>
      </Stack>
    );
  }
  return (
    <Stack align="center" gap="sm" className={classes.empty}>
      <Cells />
      <Title order={2} size="h3" ta="center">
        Drop your images here
      </Title>
      <Text c="dimmed" ta="center" maw={460}>
        PNG, JPEG, TIFF, OME-TIFF, BMP, WebP or GIF; 8 and 16 bit, many channels, stacks. Thousands
        at once are fine.
      </Text>
      <Button size="md" mt="sm" onClick={onChoose}>
        Choose files
      </Button>
    </Stack>
  );
}

function Cells() {
  return (
    <svg viewBox="0 0 220 110" width="220" height="110" aria-hidden className={classes.cells}>
      <title>Cells</title>
      <path d="M22 60c0-22 18-38 38-36s34 16 32 38-18 34-38 32S22 82 22 60Z" />
      <path d="M96 36c4-16 22-24 38-18s22 22 16 36-20 20-34 14-24-18-20-32Z" />
      <path d="M140 78c2-14 16-22 32-20s28 14 26 26-16 18-32 16-28-10-26-22Z" />
      <circle cx="56" cy="60" r="11" />
      <circle cx="124" cy="42" r="9" />
      <circle cx="170" cy="79" r="8" />
    </svg>
  );
}

// A folder that is dropped brings files along that nobody sees.
function send(projectId: string, files: readonly File[]): void {
  const visible = files.filter(({ name }) => !name.startsWith(".") && name !== "Thumbs.db");
  if (visible.length) uploads.add(projectId, visible);
}
