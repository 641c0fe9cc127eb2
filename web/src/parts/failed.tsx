import { Button, Stack, Text, Title } from "@mantine/core";
import { useRouteError } from "react-router";
import { messageOf } from "../api/errors";

/** What stands where a page failed; the rest of the screen stays. */
export function Failed() {
  const error = useRouteError();
  const text = error instanceof Error && error.name === "TypeError" ? error.message : undefined;
  return <Failure message={text ?? messageOf(error)} onRetry={() => location.reload()} />;
}

/** A failure, said in words, with a way to try again. */
export function Failure({ message, onRetry }: { message: string; onRetry: () => void }) {
  return (
    <Stack align="center" py={80} gap="sm" role="alert">
      <Title order={2} size="h3">
        This did not work
      </Title>
      <Text c="dimmed" maw={480} ta="center">
        {message}
      </Text>
      <Button variant="default" onClick={onRetry}>
        Try again
      </Button>
    </Stack>
  );
}
