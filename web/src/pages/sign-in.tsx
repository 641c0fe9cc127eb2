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
import { Logo, SchemeToggle } from "../parts/shell";
import { useSigning } from "../parts/signing";
import classes from "./sign-in.module.css";

export function SignIn() {
  const { isNew, isBusy, error, ended, submit, turn } = useSigning();
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
              {ended && <Alert color="yellow">{ended}</Alert>}
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
              <Button type="submit" loading={isBusy} fullWidth mt="xs">
                {isNew ? "Create the account" : "Sign in"}
              </Button>
              <Text size="sm" ta="center">
                {isNew ? "Have an account already?" : "New here?"}{" "}
                <Anchor
                  component="button"
                  type="button"
                  size="sm"
                  underline="always"
                  onClick={turn}
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
