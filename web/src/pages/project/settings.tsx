import { useMutation } from "@apollo/client/react";
import { Alert, Button, Group, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { messageOf } from "../../api/errors";
import { graphql } from "../../gql";
import { useProject } from "../../live/project";
import { Dialog } from "../../parts/dialog";
import { counted } from "../../parts/format";

const UPDATE_PROJECT = graphql(`
  mutation UpdateProject($input: UpdateProjectInput!) {
    updateProject(input: $input) {
      project {
        ...ProjectDetails
      }
    }
  }
`);

const DELETE_PROJECT = graphql(`
  mutation DeleteProject($input: ProjectIdInput!) {
    deleteProject(input: $input) {
      projectId
    }
  }
`);

interface Props {
  opened: boolean;
  onClose: () => void;
}

export function EditProject({ opened, onClose }: Props) {
  return (
    <Dialog opened={opened} onClose={onClose} title="Name and description">
      <EditForm onClose={onClose} />
    </Dialog>
  );
}

function EditForm({ onClose }: Pick<Props, "onClose">) {
  const project = useProject();
  const [update, { loading, error }] = useMutation(UPDATE_PROJECT);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const input = {
      projectId: project.id,
      name: String(form.get("name")).trim(),
      description: String(form.get("description")).trim(),
    };
    const { data } = await update({ variables: { input } }).catch(() => ({ data: null }));
    if (data) onClose();
  }

  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          name="name"
          label="Name"
          defaultValue={project.name}
          maxLength={200}
          required
          error={error ? messageOf(error) : undefined}
          data-autofocus
        />
        <Textarea
          name="description"
          label="Description"
          defaultValue={project.description}
          maxLength={10_000}
          autosize
          minRows={3}
          maxRows={12}
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={loading}>
            Save
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

export function DeleteProject({ opened, onClose }: Props) {
  return (
    <Dialog opened={opened} onClose={onClose} title="Delete the project">
      <DeleteForm onClose={onClose} />
    </Dialog>
  );
}

// What follows is the same as where somebody else deletes it: the project says that it is gone.
function DeleteForm({ onClose }: Pick<Props, "onClose">) {
  const { id: projectId, name, stats } = useProject();
  const [erase, { loading, error }] = useMutation(DELETE_PROJECT);
  const [typed, setTyped] = useState("");

  function submit(event: FormEvent) {
    event.preventDefault();
    void erase({ variables: { input: { projectId } } }).catch(() => undefined);
  }

  return (
    <form onSubmit={submit}>
      <Stack>
        {error && (
          <Alert color="red" role="alert">
            {messageOf(error)}
          </Alert>
        )}
        <Text size="sm">
          It is deleted for everybody, with {counted(stats.imageCount, "image")} and all that was
          found in them. This can't be undone.
        </Text>
        <TextInput
          label={`Type “${name}” to confirm`}
          value={typed}
          onChange={({ currentTarget: { value } }) => setTyped(value)}
          autoComplete="off"
          data-autofocus
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Keep it
          </Button>
          <Button type="submit" color="red.9" loading={loading} disabled={typed.trim() !== name}>
            Delete the project
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
