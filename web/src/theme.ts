import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from "@mantine/core";

const teal: MantineColorsTuple = [
  "#e3fafc",
  "#c5f6fa",
  "#99e9f2",
  "#66d9e8",
  "#3bc9db",
  "#22b8cf",
  "#1098ad",
  "#0b7285",
  "#095c6b",
  "#074652",
];

export const theme = createTheme({
  primaryColor: "teal",
  primaryShade: 7,
  // Of black and white always the one that can be read better on a colour.
  autoContrast: true,
  luminanceThreshold: 0.179,
  colors: { teal },
  defaultRadius: "md",
  cursorType: "pointer",
  fontFamily: '"Inter Variable", system-ui, sans-serif',
  headings: { fontWeight: "650" },
  components: {
    Avatar: { defaultProps: { autoContrast: true } },
    // A place that takes the focus, but is no item, is nothing that a menu may have.
    Menu: { defaultProps: { withInitialFocusPlaceholder: false } },
    Tooltip: { defaultProps: { openDelay: 300, withArrow: true } },
    Modal: {
      defaultProps: { closeButtonProps: { "aria-label": "Close" } },
      styles: { title: { fontWeight: 650 } },
    },
    Notification: { defaultProps: { closeButtonProps: { "aria-label": "Close" } } },
    Drawer: { defaultProps: { closeButtonProps: { "aria-label": "Close" } } },
  },
});

// What is dimmed can be read all the same: 4.5 : 1 or more on the colours that it stands on.
export const colours: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-dimmed": "#4f5963",
    "--mantine-color-placeholder": "#5c6670",
    "--mantine-color-error": "#c92a2a",
    "--page": "#f6f8fa",
    "--outline": "#dde3e8",
    "--accent": "var(--mantine-color-teal-7)",
  },
  dark: {
    "--mantine-color-dimmed": "#aab4be",
    "--mantine-color-placeholder": "#98a2ac",
    "--mantine-color-error": "#ff8787",
    "--mantine-color-body": "#171b20",
    "--page": "#0f1216",
    "--outline": "#2c333b",
    "--accent": "var(--mantine-color-teal-4)",
  },
});
