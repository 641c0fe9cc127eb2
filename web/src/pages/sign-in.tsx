import {
  Alert,
  Anchor,
  Box,
  Button,
  Group,
  Paper,
  PasswordInput,
  Stack,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { type FormEvent, useState } from "react";
import { messageOf } from "../api/errors";
import { ending, signIn, signUp } from "../api/session";
import { useStore } from "../api/store";
import { Logo, SchemeToggle } from "../parts/shell";
import classes from "./sign-in.module.css";

export function SignIn() {
  const ended = useStore(ending);
  const [isNew, setNew] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const value = (name: string) => String(form.get(name) ?? "");
    setBusy(true);
    setError(null);
    try {
      if (isNew) await signUp(value("name"), value("email"), value("password"));
      else await signIn(value("email"), value("password"));
    } catch (failure) {
      setError(messageOf(failure));
      setBusy(false);
    }
  }

  return (
    <main className={classes.page}>
      <Box className={classes.corner}>
        <SchemeToggle />
      </Box>
      <Stack w="100%" maw={400} gap="lg">
        <Group justify="center">
          <Logo />
        </Group>
        <Paper className="card" p="xl">
          <form onSubmit={submit}>
            <Stack>
              <Title order={1} size="h3">
                {isNew ? "Create an account" : "Sign in"}
              </Title>
              {ended && !error && <Alert color="yellow">{ended}</Alert>}
              {error && (
                <Alert color="red" role="alert" variant="light" className={classes.error}>
                  {error}
                </Alert>
              )}
              {isNew && (
                <TextInput name="name" label="Name" autoComplete="name" maxLength={200} required />
              )}
              <TextInput name="email" type="email" label="E-mail" autoComplete="email" required />
              <PasswordInput
                name="password"
                label="Password"
                autoComplete={isNew ? "new-password" : "current-password"}
                description={isNew ? "10 characters or more. A sentence is good." : undefined}
                minLength={isNew ? 10 : 1}
                maxLength={1024}
                visibilityToggleButtonProps={{ "aria-label": "Show or hide the password" }}
                required
              />
              <Button type="submit" loading={busy} fullWidth mt="xs">
                {isNew ? "Create the account" : "Sign in"}
              </Button>
              <Text size="sm" ta="center">
                {isNew ? "Have an account already?" : "New here?"}{" "}
                <Anchor
                  component="button"
                  type="button"
                  size="sm"
                  underline="always"
                  onClick={() => {
                    setNew(!isNew);
                    setError(null);
                  }}
                >
                  {isNew ? "Sign in" : "Create an account"}
                </Anchor>
              </Text>
            </Stack>
          </form>
        </Paper>
      </Stack>
    </main>
  );
}
