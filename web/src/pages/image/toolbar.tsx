import { ActionIcon, Group, Loader, Popover, Text, Tooltip } from "@mantine/core";
import {
  IconAdjustments,
  IconArrowsMaximize,
  IconHome,
  IconMinus,
  IconPlus,
  IconVector,
  type TablerIcon,
} from "@tabler/icons-react";
import { lazy, Suspense } from "react";
import { loaded } from "../../api/loaded";
import { useStore } from "../../api/store";
import { appearance, changeAppearance } from "./appearance";
import classes from "./viewer.module.css";

const loadLooks = () => loaded(() => import("./looks"));
const Looks = lazy(async () => ({ default: (await loadLooks()).Looks }));

interface Props {
  hasOutlines: boolean;
  onZoomIn: () => void;
  onZoomOut: () => void;
  onHome: () => void;
  onActual: () => void;
  onFullScreen: () => void;
}

/** What can be done with the picture, as buttons; all of it can be done by keys, too. */
export function Toolbar({ hasOutlines, ...does }: Props) {
  const { visible } = useStore(appearance);
  return (
    <Group gap={2} wrap="nowrap" role="toolbar" aria-label="Picture" className={classes.toolbar}>
      <Tool label="Zoom in (+)" Icon={IconPlus} onClick={does.onZoomIn} />
      <Tool label="Zoom out (−)" Icon={IconMinus} onClick={does.onZoomOut} />
      <Tool label="Show all of it (0)" Icon={IconHome} onClick={does.onHome} />
      <Tool label="1:1, actual pixels (1)" text="1:1" onClick={does.onActual} />
      <Tool label="Full screen (F)" Icon={IconArrowsMaximize} onClick={does.onFullScreen} />
      {hasOutlines && (
        <>
          <span className={classes.divider} />
          <Tool
            label="Outlines (O)"
            Icon={IconVector}
            pressed={visible}
            onClick={() => changeAppearance({ visible: !visible })}
          />
          <Popover position="bottom-end" width={260} withinPortal={false} withArrow trapFocus>
            <Popover.Target>
              <ActionIcon
                variant="subtle"
                color="gray"
                c="inherit"
                size="lg"
                aria-label="How outlines look"
                onPointerEnter={loadLooks}
                onFocus={loadLooks}
              >
                <IconAdjustments size={18} />
              </ActionIcon>
            </Popover.Target>
            <Popover.Dropdown>
              <Suspense fallback={<Loader size="sm" />}>
                <Looks />
              </Suspense>
            </Popover.Dropdown>
          </Popover>
        </>
      )}
    </Group>
  );
}

interface ToolProps {
  label: string;
  Icon?: TablerIcon;
  text?: string;
  pressed?: boolean;
  onClick: () => void;
}

function Tool({ label, Icon, text, pressed, onClick }: ToolProps) {
  return (
    <Tooltip label={label}>
      <ActionIcon
        variant="subtle"
        color="gray"
        c="inherit"
        size="lg"
        aria-label={label}
        aria-pressed={pressed}
        className={classes.tool}
        onClick={onClick}
      >
        {Icon ? (
          <Icon size={18} />
        ) : (
          <Text size="xs" fw={700} className="numbers">
            {text}
          </Text>
        )}
      </ActionIcon>
    </Tooltip>
  );
}
