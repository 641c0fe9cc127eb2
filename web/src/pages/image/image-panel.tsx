import { useApolloClient } from "@apollo/client/react";
import { Button, Code, Stack } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import type { ImageDetailsFragment } from "../../gql/graphql";
import { bytes, count, date } from "../../parts/format";
import { Facts } from "./facts";
import { download, originalUrl } from "./files";

/** What the image is, and the file that it came as. */
export function ImagePanel({ image }: { image: ImageDetailsFragment }) {
  const client = useApolloClient();
  return (
    <Stack gap="md" align="flex-start">
      <Facts
        facts={[
          ["Name", image.name],
          ["Size", `${count(image.width)} × ${count(image.height)} px`],
          image.pages > 1 && ["Pages", count(image.pages)],
          ["Channels", image.channels],
          ["File", bytes(image.sizeBytes)],
          ["Type", image.mimeType],
          ["Uploaded by", image.uploadedBy?.name ?? "somebody whose account is gone"],
          ["Uploaded", date(image.createdAt)],
          ["SHA-256", <Code key="checksum">{image.checksum.match(/.{1,16}/g)?.join(" ")}</Code>],
        ]}
      />
      <Button
        variant="default"
        leftSection={<IconDownload size={16} />}
        onClick={() => void download(originalUrl(client, image.id))}
      >
        Download the original
      </Button>
    </Stack>
  );
}
