import { Anchor, Stack, Text, Title } from "@mantine/core";
import { Link } from "react-router";

/** What stands where there is nothing, or nothing for this person. */
export function Missing({ what = "page" }: { what?: string }) {
  return (
    <Stack align="center" py={80} gap="xs">
      <Title order={1} size="h3">
        There is no such {what}
      </Title>
      <Text c="dimmed">It was deleted, or is not shared with you.</Text>
      <Anchor component={Link} to="/" underline="always">
        All projects
      </Anchor>
    </Stack>
  );
}
