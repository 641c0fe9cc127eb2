import { Anchor, Stack, Text, Title } from "@mantine/core";
import { Link } from "react-router";

/** What stands where there is nothing, or nothing for this person. */
export function Missing({ what }: { what?: "project" | "image" }) {
  return (
    <Stack align="center" py={80} gap="xs">
      <Title order={1} size="h3">
        There is no such {what ?? "page"}
      </Title>
      <Text c="dimmed">
        {what ? "It was deleted, or is not shared with you." : "The address may be misspelled."}
      </Text>
      <Anchor component={Link} to="/" underline="always">
        All projects
      </Anchor>
    </Stack>
  );
}
