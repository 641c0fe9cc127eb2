import { Table } from "@mantine/core";
import type { ReactNode } from "react";

export type Fact = readonly [term: string, value: ReactNode] | null | false;

/** Terms and what they are, one below the other. */
export function Facts({ facts }: { facts: readonly Fact[] }) {
  return (
    <Table variant="vertical" layout="fixed" withRowBorders={false} verticalSpacing={5} fz="sm">
      <Table.Tbody>
        {facts
          .filter((fact) => !!fact)
          .map(([term, value]) => (
            <Table.Tr key={term}>
              <Table.Th w={112} c="dimmed" fw={400} bg="none" pl={0} scope="row">
                {term}
              </Table.Th>
              <Table.Td className="numbers">{value}</Table.Td>
            </Table.Tr>
          ))}
      </Table.Tbody>
    </Table>
  );
}
