import { useApolloClient } from "@apollo/client/react";
import { Button, Menu, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useState } from "react";
import { HubError } from "../../api/errors";
import { graphql } from "../../gql";
import type { ExportFormat } from "../../gql/graphql";
import { useProject } from "../../live/project";
import { download, here } from "../image/files";

const EXPORT = graphql(`
  query ProjectExport($id: ID!, $formats: [ExportFormat!]) {
    project(id: $id) {
      id
      exportUrl(formats: $formats)
    }
  }
`);

const FORMATS: readonly { format: ExportFormat; label: string; what: string }[] = [
  { format: "CSV", label: "Measurements", what: "A table with a row for each cell, CSV" },
  { format: "GEOJSON", label: "Outlines", what: "A file for each image, GeoJSON" },
  { format: "MASKS", label: "Label masks", what: "A picture for each image, TIFF" },
  { format: "COCO", label: "Training data", what: "One file for all images, COCO" },
];

/** Downloads what was found in all images, as a ZIP archive. */
export function ExportMenu() {
  const client = useApolloClient();
  const { id, stats } = useProject();
  const [busy, setBusy] = useState(false);
  const isEmpty = stats.segmentedCount + stats.noSegmentationCount === 0;

  async function address(formats: ExportFormat[] | null): Promise<string> {
    const { data } = await client.query({
      query: EXPORT,
      variables: { id, formats },
      fetchPolicy: "no-cache",
    });
    if (!data?.project) throw new HubError("NOT_FOUND", "The project is gone.");
    return here(data.project.exportUrl);
  }

  async function save(formats: ExportFormat[] | null) {
    setBusy(true);
    await download(address(formats));
    setBusy(false);
  }

  return (
    <Menu position="bottom-end" width={270} withArrow>
      <Menu.Target>
        <Button
          variant="default"
          loading={busy}
          disabled={isEmpty}
          leftSection={<IconDownload size={16} aria-hidden />}
        >
          Export
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label c="dimmed">All images, as a ZIP archive</Menu.Label>
        <Menu.Item onClick={() => save(null)}>All that there is</Menu.Item>
        <Menu.Divider />
        {FORMATS.map(({ format, label, what }) => (
          <Menu.Item key={format} onClick={() => save([format])}>
            {label}
            <Text size="xs" c="dimmed">
              {what}
            </Text>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
