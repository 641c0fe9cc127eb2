import { Alert, Button, Center, Group, Loader, Stack, Text, TextInput, Title } from "@mantine/core";
import {
  useDebouncedValue,
  useDisclosure,
  useDocumentTitle,
  useIntersection,
} from "@mantine/hooks";
import { IconPlus, IconSearch } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { messageOf } from "../api/errors";
import { useAllPresent, useLiveProjects } from "../live/projects";
import classes from "./dashboard/dashboard.module.css";
import { Metrics } from "./dashboard/metrics";
import { NewProject } from "./dashboard/new-project";
import { ProjectCard, ProjectCardPlace } from "./dashboard/project-card";

const SEARCH_DELAY = 250;
const PLACES = ["a", "b", "c", "d", "e", "f"];

export function Dashboard() {
  useDocumentTitle("Projects · Cell Segmentation Hub");
  const [typed, setTyped] = useState("");
  const [search] = useDebouncedValue(typed.trim(), SEARCH_DELAY);
  const { ids, error, hasMore, more, retry } = useLiveProjects(search);
  const present = useAllPresent();
  const [isOpen, { open, close }] = useDisclosure(false);

  return (
    <Stack gap="xl">
      <Metrics />
      <section aria-labelledby="projects">
        <Group justify="space-between" mb="md" gap="sm">
          <Title order={1} size="h2" id="projects">
            Projects
          </Title>
          <Group gap="sm" className={classes.tools}>
            <TextInput
              value={typed}
              onChange={(event) => setTyped(event.currentTarget.value)}
              placeholder="Search by name"
              aria-label="Search projects by name"
              leftSection={<IconSearch size={16} aria-hidden />}
              type="search"
              className={classes.search}
            />
            <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={open}>
              New project
            </Button>
          </Group>
        </Group>
        {error ? (
          <Alert color="red" variant="light" title="The projects could not be read" mb="md">
            <Stack align="flex-start" gap="xs">
              {messageOf(error)}
              <Button variant="default" size="xs" onClick={retry}>
                Try again
              </Button>
            </Stack>
          </Alert>
        ) : (
          <ul className={classes.grid} aria-busy={ids === null}>
            {ids === null
              ? PLACES.map((place) => <ProjectCardPlace key={place} />)
              : ids.map((id) => <ProjectCard key={id} id={id} present={present.get(id) ?? []} />)}
          </ul>
        )}
        {ids?.length === 0 && <Nothing search={search} onCreate={open} />}
        {hasMore && <More key={ids?.length} onSeen={more} />}
      </section>
      <NewProject opened={isOpen} onClose={close} />
    </Stack>
  );
}

function Nothing({ search, onCreate }: { search: string; onCreate: () => void }) {
  if (search) return <Text c="dimmed">No project has “{search}” in its name.</Text>;
  return (
    <Stack align="center" gap="sm" py={56} className="card">
      <Title order={2} size="h4">
        Begin with a project
      </Title>
      <Text c="dimmed" ta="center" maw={420}>
        A project holds microscopy images that belong together. The cells in them are found for you,
        and you see it happen.
      </Text>
      <Button onClick={onCreate}>Create a project</Button>
    </Stack>
  );
}

/** Reads on when its place comes into sight. */
function More({ onSeen }: { onSeen: () => void }) {
  const { ref, entry } = useIntersection({ rootMargin: "600px" });
  const isSeen = entry?.isIntersecting ?? false;
  // biome-ignore lint/correctness/useExhaustiveDependencies: once each time that it is seen
  useEffect(() => {
    if (isSeen) onSeen();
  }, [isSeen]);
  return (
    <Center ref={ref} py="lg">
      <Loader size="sm" aria-label="Loading more projects" />
    </Center>
  );
}
