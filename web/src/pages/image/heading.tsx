import {
  ActionIcon,
  Anchor,
  Box,
  Button,
  Group,
  Menu,
  Stack,
  Text,
  Title,
  Tooltip,
} from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import {
  IconChevronLeft,
  IconChevronRight,
  IconDots,
  IconPlayerPlay,
  IconTrash,
} from "@tabler/icons-react";
import { Link } from "react-router";
import type { ImageDetailsFragment } from "../../gql/graphql";
import { usePresent, useProject } from "../../live/project";
import { Dialog } from "../../parts/dialog";
import { People } from "../../parts/people";
import { StatusBadge } from "../../parts/status";
import { SegmentDialog } from "../project/segment-dialog";
import type { Actions } from "./actions";
import { ExportMenu } from "./export-menu";
import type { Neighbours } from "./neighbours";
import classes from "./studio.module.css";

interface Props {
  image: ImageDetailsFragment;
  progress: number | null;
  neighbours: Neighbours;
  actions: Actions;
  canEdit: boolean;
  /** Whether it waits for a worker, or one is at it. */
  isUnderway: boolean;
}

/** Which image of which project it is, how it stands, and what can be done with it. */
export function Heading({ image, progress, neighbours, actions, canEdit, isUnderway }: Props) {
  const project = useProject();
  const present = usePresent();
  const [isSegmenting, segmenting] = useDisclosure();
  const [isDeleting, deleting] = useDisclosure();
  return (
    <Group className={classes.heading} justify="space-between" gap="sm">
      <Group gap="sm" wrap="nowrap" miw={0} flex="1 1 320px">
        <Group gap={2} wrap="nowrap">
          <Move label="Previous image (K)" Icon={IconChevronLeft} go={neighbours.previous} />
          <Move label="Next image (J)" Icon={IconChevronRight} go={neighbours.next} />
        </Group>
        <Stack gap={0} miw={0}>
          <Text component="nav" size="xs" c="dimmed" truncate aria-label="Breadcrumbs">
            <Anchor component={Link} to="/" size="xs" c="inherit">
              Projects
            </Anchor>
            {" / "}
            <Anchor component={Link} to={`/projects/${project.id}`} size="xs" c="inherit">
              {project.name}
            </Anchor>
          </Text>
          <Group gap="xs" wrap="nowrap">
            <Title order={1} className={classes.name} title={image.name}>
              {image.name}
            </Title>
            <Box flex="none">
              <StatusBadge status={image.status} progress={progress} />
            </Box>
          </Group>
        </Stack>
      </Group>
      <Group gap="xs" wrap="nowrap">
        <Box visibleFrom="sm">
          <People users={present} />
        </Box>
        {image.segmentation && <ExportMenu segmentationId={image.segmentation.id} />}
        {canEdit && !isUnderway && (
          <Button size="sm" leftSection={<IconPlayerPlay size={16} />} onClick={segmenting.open}>
            {image.segmentation ? "Segment again" : "Segment"}
          </Button>
        )}
        {canEdit && (
          <Menu position="bottom-end" withArrow>
            <Menu.Target>
              <ActionIcon variant="default" size={36} aria-label="More">
                <IconDots size={18} />
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item leftSection={<IconTrash size={16} />} onClick={deleting.open}>
                Delete the image
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        )}
      </Group>
      <SegmentDialog
        ids={[image.id]}
        force={image.segmentation !== null}
        opened={isSegmenting}
        onClose={segmenting.close}
      />
      <Dialog opened={isDeleting} onClose={deleting.close} title="Delete the image">
        <Text size="sm">
          “{image.name}” and what was found in it will be gone for everybody. This can't be undone.
        </Text>
        <Group justify="flex-end" mt="lg">
          <Button variant="default" onClick={deleting.close}>
            Keep it
          </Button>
          <Button color="red.9" loading={actions.isBusy} onClick={() => void actions.remove()}>
            Delete
          </Button>
        </Group>
      </Dialog>
    </Group>
  );
}

interface MoveProps {
  label: string;
  Icon: typeof IconChevronLeft;
  go: (() => void) | null;
}

function Move({ label, Icon, go }: MoveProps) {
  return (
    <Tooltip label={label}>
      <ActionIcon
        variant="subtle"
        color="gray"
        c="inherit"
        size="lg"
        className={classes.move}
        aria-label={label}
        disabled={!go}
        onClick={() => go?.()}
      >
        <Icon size={20} />
      </ActionIcon>
    </Tooltip>
  );
}
