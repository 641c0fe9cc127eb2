import { useApolloClient, useFragment } from "@apollo/client/react";
import { Group, Skeleton, Stack, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconMicroscope } from "@tabler/icons-react";
import { useEffect, useEffectEvent, useRef } from "react";
import { Link } from "react-router";
import { session } from "../../api/session";
import { useStore } from "../../api/store";
import { graphql } from "../../gql";
import type { PresentUserFragment, ProjectCardFragment } from "../../gql/graphql";
import { insist } from "../../live/insist";
import { useReadAnew } from "../../live/project";
import { PROJECT_CARD } from "../../live/projects";
import { counted } from "../../parts/format";
import { People } from "../../parts/people";
import { doneOf, StatusBar } from "../../parts/status-bar";
import { TimeAgo } from "../../parts/time-ago";
import classes from "./dashboard.module.css";

const CARD = graphql(`
  query Card($id: ID!) {
    project(id: $id) {
      ...ProjectCard
    }
  }
`);

const SETTLED_MILLISECONDS = 600;

interface Props {
  id: string;
  present: readonly PresentUserFragment[];
}

export function ProjectCard({ id, present }: Props) {
  const { data, complete } = useFragment({
    fragment: PROJECT_CARD,
    fragmentName: "ProjectCard",
    from: { __typename: "Project", id },
  });
  // Apollo calls one complete, too, of which it has let go, and has nothing.
  return complete && data.id ? <Card project={data} present={present} /> : null;
}

function Card({ project, present }: { project: ProjectCardFragment; present: Props["present"] }) {
  const me = useStore(session)?.user.id;
  const { stats, owner } = project;
  useFresh(project);
  return (
    <li className={`card ${classes.card}`}>
      <Pictures project={project} />
      <Stack gap={8} p="md" flex={1}>
        <Group justify="space-between" wrap="nowrap" gap="xs" mih={26}>
          <Text component="h2" size="md" truncate>
            <Link to={`/projects/${project.id}`} className={classes.name}>
              {project.name}
            </Link>
          </Text>
          <div className={classes.people}>
            <People users={present} />
          </div>
        </Group>
        <StatusBar stats={stats} />
        <Group justify="space-between" gap="xs">
          <Text size="sm" className="numbers">
            {counted(stats.imageCount, "image")}
            {stats.imageCount > 0 && ` · ${percent(doneOf(stats), stats.imageCount)} % done`}
          </Text>
          <Text size="sm" c="dimmed">
            <TimeAgo instant={stats.updatedAt} />
          </Text>
        </Group>
        {owner.id !== me && (
          <Text size="xs" c="dimmed" truncate>
            Shared by {owner.name}
          </Text>
        )}
      </Stack>
    </li>
  );
}

function Pictures({ project }: { project: ProjectCardFragment }) {
  const images = project.images.edges.map(({ node }) => node);
  if (!images.length) {
    return (
      <div className={classes.none}>
        <IconMicroscope size={40} stroke={1.2} aria-label="No images yet" role="img" />
      </div>
    );
  }
  return (
    <div className={classes.pictures} data-count={images.length}>
      {images.map(({ id, thumbnailUrl }) => (
        <img key={id} src={thumbnailUrl} alt="" loading="lazy" decoding="async" />
      ))}
    </div>
  );
}

// What the numbers don't tell is read again: the name, once they say that it changed; and the
// pictures, which are those of the newest images, once no more images come.
function useFresh(project: ProjectCardFragment): void {
  const client = useApolloClient();
  const variables = { id: project.id };
  const read = () => client.query({ query: CARD, variables, fetchPolicy: "network-only" });
  useReadAnew(project, read);
  const [settled] = useDebouncedValue(project.stats.imageCount, SETTLED_MILLISECONDS);
  const shown = useRef(settled);
  const again = useEffectEvent(read);
  useEffect(() => {
    let wanted = shown.current !== settled;
    shown.current = settled;
    void insist(again, () => wanted);
    return () => {
      wanted = false;
    };
  }, [settled]);
}

function percent(part: number, whole: number): number {
  return Math.floor((part / whole) * 100);
}

/** Where a card will be. */
export function ProjectCardPlace() {
  return (
    <li className={`card ${classes.card}`} aria-hidden>
      <Skeleton radius={0} style={{ aspectRatio: "16 / 9" }} />
      <Stack gap={12} p="md">
        <Skeleton h={20} w="60%" />
        <Skeleton h={8} />
        <Skeleton h={16} w="80%" />
      </Stack>
    </li>
  );
}
