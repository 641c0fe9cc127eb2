import { useMutation, useQuery } from "@apollo/client/react";
import {
  ActionIcon,
  Alert,
  Button,
  Code,
  CopyButton,
  Group,
  Skeleton,
  Stack,
  Table,
  Text,
  TextInput,
} from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import type { FormEvent } from "react";
import { messageOf } from "../api/errors";
import { graphql } from "../gql";
import type { ApiKeysQuery } from "../gql/graphql";
import { Dialog } from "./dialog";
import { TimeAgo } from "./time-ago";

const API_KEYS = graphql(`
  query ApiKeys {
    apiKeys {
      id
      name
      createdAt
      lastUsedAt
    }
  }
`);

const CREATE = graphql(`
  mutation CreateApiKey($input: CreateApiKeyInput!) {
    createApiKey(input: $input) {
      id
      name
      secret
    }
  }
`);

const REVOKE = graphql(`
  mutation RevokeApiKey($input: RevokeApiKeyInput!) {
    revokeApiKey(input: $input) {
      apiKey {
        id
      }
    }
  }
`);

/** The keys with which programs act as whoever is signed in. */
export function ApiKeys({ onClose }: { onClose: () => void }) {
  const { data, error } = useQuery(API_KEYS, { fetchPolicy: "cache-and-network" });
  const [create, created] = useMutation(CREATE, {
    refetchQueries: [API_KEYS],
    // A secret is shown once, and kept nowhere.
    fetchPolicy: "no-cache",
  });
  const failure = error ?? created.error;

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const name = String(new FormData(form).get("name")).trim();
    const { data } = await create({ variables: { input: { name } } }).catch(() => ({ data: null }));
    if (data) form.reset();
  }

  return (
    <Dialog opened onClose={onClose} title="API keys" size="lg">
      <Stack>
        <Text size="sm" c="dimmed">
          With a key a program acts as you: a segmentation worker, a script, an instrument.
        </Text>
        {failure && (
          <Alert color="red" role="alert">
            {messageOf(failure)}
          </Alert>
        )}
        {created.data && <Secret secret={created.data.createApiKey.secret} />}
        <form onSubmit={submit}>
          <Group align="flex-end" gap="sm">
            <TextInput
              name="name"
              label="What the key is for"
              placeholder="Worker on the GPU machine"
              maxLength={200}
              required
              flex={1}
              data-autofocus
            />
            <Button type="submit" loading={created.loading}>
              Create a key
            </Button>
          </Group>
        </form>
        {data ? <Keys keys={data.apiKeys} /> : <Skeleton h={80} />}
      </Stack>
    </Dialog>
  );
}

function Secret({ secret }: { secret: string }) {
  return (
    <Alert color="teal" title="Copy the key now: it is shown this once" role="status">
      <Group wrap="nowrap" gap="sm">
        <Code block flex={1} style={{ overflowX: "auto" }}>
          {secret}
        </Code>
        <CopyButton value={secret}>
          {({ copied, copy }) => (
            <Button variant="default" size="xs" onClick={copy}>
              {copied ? "Copied" : "Copy"}
            </Button>
          )}
        </CopyButton>
      </Group>
    </Alert>
  );
}

function Keys({ keys }: { keys: ApiKeysQuery["apiKeys"] }) {
  const [revoke, { loading }] = useMutation(REVOKE, { refetchQueries: [API_KEYS] });
  if (!keys.length) return <Text size="sm">There is no key yet.</Text>;
  return (
    <Table.ScrollContainer minWidth={420}>
      <Table verticalSpacing="xs">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Name</Table.Th>
            <Table.Th>Created</Table.Th>
            <Table.Th>Last used</Table.Th>
            <Table.Th aria-label="Revoke" />
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {keys.map(({ id, name, createdAt, lastUsedAt }) => (
            <Table.Tr key={id}>
              <Table.Td>{name}</Table.Td>
              <Table.Td>
                <TimeAgo instant={createdAt} />
              </Table.Td>
              <Table.Td>{lastUsedAt ? <TimeAgo instant={lastUsedAt} /> : "never"}</Table.Td>
              <Table.Td ta="right">
                <ActionIcon
                  variant="subtle"
                  color="red"
                  disabled={loading}
                  aria-label={`Revoke ${name}`}
                  onClick={() => void revoke({ variables: { input: { apiKeyId: id } } })}
                >
                  <IconTrash size={16} />
                </ActionIcon>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
