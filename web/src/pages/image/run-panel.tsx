import { useQuery } from "@apollo/client/react";
import { Code, Group, Stack, Text, Title } from "@mantine/core";
import { IconAlertTriangle, IconCheck } from "@tabler/icons-react";
import { graphql } from "../../gql";
import type { LiveImageFragment } from "../../gql/graphql";
import { duration } from "../../parts/format";
import { TimeAgo } from "../../parts/time-ago";
import { Facts } from "./facts";

// Runs don't change: what the cache has of one is true for ever.
const RUN = graphql(`
  query Run($id: ID!) {
    node(id: $id) {
      ... on Segmentation {
        id
        parameters
        imageChecksum
      }
    }
  }
`);

interface Props {
  segmentation: LiveImageFragment["segmentation"];
  /** Of the image, as it is now. */
  checksum: string;
}

/** How the latest finished run came to what it found. */
export function RunPanel({ segmentation, checksum }: Props) {
  const { data } = useQuery(RUN, {
    variables: { id: segmentation?.id ?? "" },
    skip: !segmentation,
  });
  const run = data?.node && "imageChecksum" in data.node ? data.node : null;
  if (!segmentation) {
    return (
      <Text size="sm" c="dimmed" ta="center" py="xl">
        No run has finished yet.
      </Text>
    );
  }
  const { model, modelVersion, threshold, processingSeconds, createdAt } = segmentation;
  return (
    <Stack gap="md">
      <Facts
        facts={[
          ["Model", model],
          ["Version", modelVersion ?? "not told"],
          ["Threshold", threshold ?? "the model's own"],
          ["Took", processingSeconds === null ? "not told" : duration(processingSeconds)],
          ["Finished", <TimeAgo key="finished" instant={createdAt} />],
          run && ["File", <Checked key="file" isSame={run.imageChecksum === checksum} />],
        ]}
      />
      {run?.parameters != null && (
        <div>
          <Title order={2} size="h6" mb={6}>
            Parameters
          </Title>
          <Code block>{JSON.stringify(run.parameters, null, 2)}</Code>
        </div>
      )}
    </Stack>
  );
}

function Checked({ isSame }: { isSame: boolean }) {
  const Icon = isSame ? IconCheck : IconAlertTriangle;
  return (
    <Group gap={6} wrap="nowrap">
      <Icon size={16} aria-hidden />
      {isSame ? "This very file, by its checksum" : "Another file: the checksums differ"}
    </Group>
  );
}
