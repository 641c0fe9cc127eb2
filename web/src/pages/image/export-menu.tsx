import { useApolloClient } from "@apollo/client/react";
import { Button, Menu } from "@mantine/core";
import { IconChevronDown, IconDownload } from "@tabler/icons-react";
import type { ExportFormat } from "../../gql/graphql";
import { download, exportUrl } from "./files";

const FORMATS: readonly { format: ExportFormat; label: string }[] = [
  { format: "CSV", label: "Measurements (CSV)" },
  { format: "GEOJSON", label: "Outlines (GeoJSON)" },
  { format: "MASKS", label: "Label mask (TIFF)" },
  { format: "COCO", label: "Training data (COCO)" },
];

/** What the latest run found, as files for other programs. */
export function ExportMenu({ segmentationId }: { segmentationId: string }) {
  const client = useApolloClient();
  return (
    <Menu position="bottom-end" withArrow>
      <Menu.Target>
        <Button
          variant="default"
          size="sm"
          leftSection={<IconDownload size={16} />}
          rightSection={<IconChevronDown size={14} />}
        >
          Export
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {FORMATS.map(({ format, label }) => (
          <Menu.Item
            key={format}
            onClick={() => void download(exportUrl(client, segmentationId, format))}
          >
            {label}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
