import { useMutation } from "@apollo/client/react";
import { Alert, Avatar, Button, Group, NativeSelect, Stack, Text, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { codeOf, messageOf } from "../../api/errors";
import { session } from "../../api/session";
import { useStore } from "../../api/store";
import { graphql } from "../../gql";
import type { ProjectDetailsFragment, ProjectRole } from "../../gql/graphql";
import { useCan, useProject } from "../../live/project";
import { Dialog } from "../../parts/dialog";
import classes from "./sharing.module.css";

const SHARE_PROJECT = graphql(`
  mutation ShareProject($input: ShareProjectInput!) {
    shareProject(input: $input) {
      project {
        ...ProjectDetails
      }
    }
  }
`);

const REVOKE_ACCESS = graphql(`
  mutation RevokeAccess($input: RevokeAccessInput!) {
    revokeAccess(input: $input) {
      project {
        ...ProjectDetails
      }
    }
  }
`);

const ROLES: readonly { value: ProjectRole; label: string }[] = [
  { value: "VIEWER", label: "Viewer" },
  { value: "EDITOR", label: "Editor" },
  { value: "OWNER", label: "Owner" },
];
// The answer to the address; all else is about the call.
const OF_THE_ADDRESS = new Set(["BAD_USER_INPUT", "NOT_FOUND", "CONFLICT"]);

type Member = ProjectDetailsFragment["members"][number];

export function Sharing({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Dialog opened={opened} onClose={onClose} title="People in this project" size="lg">
      <Members />
    </Dialog>
  );
}

function Members() {
  const { members } = useProject();
  const isOwner = useCan("OWNER");
  return (
    <Stack gap="lg">
      {isOwner && <Invite />}
      <ul className={classes.members}>
        {members.map((member) => (
          <Row key={member.user.id} member={member} isOwner={isOwner} />
        ))}
      </ul>
      <Text size="sm" c="dimmed">
        Viewers see all there is. Editors also upload, segment and delete images. Owners also
        rename, share and delete the project.
      </Text>
    </Stack>
  );
}

function Invite() {
  const { id: projectId } = useProject();
  const [share, { loading, error, reset }] = useMutation(SHARE_PROJECT);
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<ProjectRole>("EDITOR");
  const isOfAddress = error && OF_THE_ADDRESS.has(codeOf(error));

  async function submit(event: FormEvent) {
    event.preventDefault();
    const input = { projectId, email: email.trim(), role };
    const { data } = await share({ variables: { input } }).catch(() => ({ data: null }));
    if (data) setEmail("");
  }

  return (
    <form onSubmit={submit}>
      {error && !isOfAddress && (
        <Alert color="red" role="alert" mb="sm">
          {messageOf(error)}
        </Alert>
      )}
      <div className={classes.invite}>
        <TextInput
          type="email"
          label="E-mail of the person"
          placeholder="name@example.org"
          value={email}
          onChange={({ currentTarget: { value } }) => {
            setEmail(value);
            if (error) reset();
          }}
          error={isOfAddress ? messageOf(error) : undefined}
          required
          data-autofocus
        />
        <NativeSelect
          label="Role"
          data={ROLES}
          value={role}
          onChange={({ currentTarget: { value } }) => setRole(value as ProjectRole)}
        />
        <Button type="submit" loading={loading} className={classes.add}>
          Add
        </Button>
      </div>
    </form>
  );
}

function Row({ member: { user, role }, isOwner }: { member: Member; isOwner: boolean }) {
  const { id: projectId, owner } = useProject();
  const viewer = useStore(session)?.user;
  const [share, sharing] = useMutation(SHARE_PROJECT);
  const [revoke, revoking] = useMutation(REVOKE_ACCESS);
  const error = sharing.error ?? revoking.error;
  const isSelf = user.id === viewer?.id;
  const isFixed = user.id === owner.id;
  const isBusy = sharing.loading || revoking.loading;

  function change(next: ProjectRole) {
    revoking.reset();
    void share({ variables: { input: { projectId, email: user.email, role: next } } }).catch(
      () => undefined,
    );
  }

  function remove() {
    sharing.reset();
    void revoke({ variables: { input: { projectId, userId: user.id } } }).catch(() => undefined);
  }

  return (
    <li className={classes.member}>
      <Group gap="sm" wrap="nowrap" className={classes.person}>
        <Avatar name={user.name} color="initials" variant="filled" size={36} aria-hidden />
        <div className={classes.words}>
          <Text size="sm" fw={600} truncate>
            {user.name}
            {isSelf && " (you)"}
          </Text>
          <Text size="xs" c="dimmed" truncate>
            {user.email}
          </Text>
        </div>
      </Group>
      <Group gap="xs" wrap="nowrap">
        {isOwner && !isFixed ? (
          <NativeSelect
            size="xs"
            aria-label={`Role of ${user.name}`}
            data={ROLES}
            value={role}
            disabled={isBusy}
            onChange={({ currentTarget: { value } }) => change(value as ProjectRole)}
          />
        ) : (
          <Text size="sm" c="dimmed">
            {ROLES.find(({ value }) => value === role)?.label}
          </Text>
        )}
        {!isFixed && (isOwner || isSelf) && (
          <Button
            size="xs"
            variant="subtle"
            c="var(--mantine-color-error)"
            loading={revoking.loading}
            aria-label={isSelf ? "Leave the project" : `Remove ${user.name}`}
            onClick={remove}
          >
            {isSelf ? "Leave" : "Remove"}
          </Button>
        )}
      </Group>
      {error && (
        <Text size="xs" c="var(--mantine-color-error)" role="alert" className={classes.error}>
          {messageOf(error)}
        </Text>
      )}
    </li>
  );
}
