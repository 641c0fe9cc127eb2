import { ActionIcon, Anchor, Box, Button, Group, Menu, Spoiler, Text, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import {
  IconArrowLeft,
  IconDots,
  IconPencil,
  IconTrash,
  IconUpload,
  IconUsers,
} from "@tabler/icons-react";
import { Link } from "react-router";
import { useCan, usePresent, useProject } from "../../live/project";
import { bytes, counted } from "../../parts/format";
import { People } from "../../parts/people";
import { StatusBar } from "../../parts/status-bar";
import { TimeAgo } from "../../parts/time-ago";
import { ExportMenu } from "./export-menu";
import classes from "./header.module.css";
import { DeleteProject, EditProject } from "./settings";
import { Sharing } from "./sharing";

/** What the project is, how it stands, and what can be done with all of it. */
export function Header({ onUpload }: { onUpload: () => void }) {
  const { name, description, members } = useProject();
  const present = usePresent();
  const canEdit = useCan("EDITOR");
  const [isSharing, sharing] = useDisclosure(false);

  return (
    <header className={classes.header}>
      <div className={classes.words}>
        <Group gap="sm" wrap="nowrap">
          <Title order={1} size="h2" className={classes.name} title={name}>
            {name}
          </Title>
          <More />
          <Box className={classes.present}>
            <People users={present} />
          </Box>
        </Group>
        {description && (
          <Spoiler
            maxHeight={64}
            showLabel="Show all of it"
            hideLabel="Show less"
            classNames={{ control: classes.more }}
          >
            <Text c="dimmed" size="sm" className={classes.description}>
              {description}
            </Text>
          </Spoiler>
        )}
      </div>
      <Group gap="xs" className={classes.actions}>
        <Button
          variant="default"
          leftSection={<IconUsers size={16} aria-hidden />}
          onClick={sharing.open}
          aria-label={`Share: ${counted(members.length, "person", "people")} in this project`}
        >
          Share
        </Button>
        <ExportMenu />
        {canEdit && (
          <Button leftSection={<IconUpload size={16} aria-hidden />} onClick={onUpload}>
            Upload
          </Button>
        )}
      </Group>
      <Numbers />
      <Sharing opened={isSharing} onClose={sharing.close} />
    </header>
  );
}

function Numbers() {
  const { stats } = useProject();
  return (
    <div className={classes.numbers}>
      <StatusBar stats={stats} height={10} />
      <Text size="sm" c="dimmed" className={`${classes.facts} numbers`}>
        {counted(stats.imageCount, "image")} · {bytes(stats.storageBytes)} · changed{" "}
        <TimeAgo instant={stats.updatedAt} />
      </Text>
    </div>
  );
}

function More() {
  const isOwner = useCan("OWNER");
  const [isEditing, editing] = useDisclosure(false);
  const [isDeleting, deleting] = useDisclosure(false);
  if (!isOwner) return null;
  return (
    <>
      <Menu position="bottom-start" width={220} withArrow>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" c="inherit" aria-label="More about the project">
            <IconDots size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconPencil size={16} aria-hidden />} onClick={editing.open}>
            Name and description
          </Menu.Item>
          <Menu.Item
            c="var(--mantine-color-error)"
            leftSection={<IconTrash size={16} aria-hidden />}
            onClick={deleting.open}
          >
            Delete the project
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <EditProject opened={isEditing} onClose={editing.close} />
      <DeleteProject opened={isDeleting} onClose={deleting.close} />
    </>
  );
}

/** The way back, above all. */
export function Crumbs() {
  return (
    <nav aria-label="Breadcrumb">
      <Anchor component={Link} to="/" size="sm" c="dimmed" className={classes.back}>
        <IconArrowLeft size={16} aria-hidden />
        Projects
      </Anchor>
    </nav>
  );
}
