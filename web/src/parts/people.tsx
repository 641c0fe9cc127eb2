import { Avatar, Group, Tooltip, VisuallyHidden } from "@mantine/core";
import { counted } from "./format";

const SHOWN = 4;

interface Person {
  id: string;
  name: string;
}

/** The people who are somewhere right now. */
export function People({ users, size = 26 }: { users: readonly Person[]; size?: number }) {
  if (!users.length) return null;
  const hidden = users.slice(SHOWN);
  return (
    <Group gap={0} wrap="nowrap">
      <VisuallyHidden>{`${counted(users.length, "person", "people")} here now: ${names(users)}`}</VisuallyHidden>
      <Avatar.Group spacing={size / 4} aria-hidden>
        {users.slice(0, SHOWN).map((user) => (
          <Tooltip key={user.id} label={user.name}>
            <Avatar name={user.name} color="initials" variant="filled" size={size} />
          </Tooltip>
        ))}
        {hidden.length > 0 && (
          <Tooltip label={names(hidden)}>
            <Avatar size={size}>+{hidden.length}</Avatar>
          </Tooltip>
        )}
      </Avatar.Group>
    </Group>
  );
}

function names(users: readonly Person[]): string {
  return users.map(({ name }) => name).join(", ");
}
