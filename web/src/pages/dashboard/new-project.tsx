import { useMutation } from "@apollo/client/react";
import { Alert, Button, Group, Stack, Textarea, TextInput } from "@mantine/core";
import type { FormEvent } from "react";
import { useNavigate } from "react-router";
import { messageOf } from "../../api/errors";
import { graphql } from "../../gql";
import { Dialog } from "../../parts/dialog";

const CREATE_PROJECT = graphql(`
  mutation CreateProject($input: CreateProjectInput!) {
    createProject(input: $input) {
      project {
        id
      }
    }
  }
`);

export function NewProject({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Dialog opened={opened} onClose={onClose} title="New project">
      <Form onClose={onClose} />
    </Dialog>
  );
}

function Form({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate();
  const [create, { loading, error }] = useMutation(CREATE_PROJECT);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const input = {
      name: String(form.get("name")).trim(),
      description: String(form.get("description")).trim(),
    };
    const { data } = await create({ variables: { input } }).catch(() => ({ data: null }));
    if (data) await navigate(`/projects/${data.createProject.project.id}`);
  }

  return (
    <form onSubmit={submit}>
      <Stack>
        {error && (
          <Alert color="red" role="alert">
            {messageOf(error)}
          </Alert>
        )}
        <TextInput name="name" label="Name" maxLength={200} required data-autofocus />
        <Textarea name="description" label="Description" maxLength={10_000} autosize minRows={3} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={loading}>
            Create
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
