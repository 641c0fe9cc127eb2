import { SegmentedControl, Slider, Stack, Switch, Text } from "@mantine/core";
import { useId } from "react";
import { useStore } from "../../api/store";
import { appearance, changeAppearance } from "./appearance";
import { COLOURINGS, type Colouring } from "./colours";

/** How outlines are to look. */
export function Looks() {
  const { visible, fill, colouring } = useStore(appearance);
  const opacity = useId();
  return (
    <Stack gap="md">
      <Switch
        label="Show outlines"
        checked={visible}
        onChange={(event) => changeAppearance({ visible: event.currentTarget.checked })}
      />
      <div>
        <Text size="sm" mb={6} id={opacity}>
          Fill
        </Text>
        <Slider
          min={0}
          max={0.8}
          step={0.05}
          value={fill}
          onChange={(value) => changeAppearance({ fill: value })}
          label={(value) => `${Math.round(value * 100)} %`}
          thumbProps={{ "aria-labelledby": opacity }}
        />
      </div>
      <SegmentedControl
        fullWidth
        size="xs"
        aria-label="Colours"
        data={[...COLOURINGS]}
        value={colouring}
        onChange={(value) => changeAppearance({ colouring: value as Colouring })}
      />
    </Stack>
  );
}
