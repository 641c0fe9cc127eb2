import { show } from "./page.mjs";

const { App } = await import("../../../docs/clients/relay/App.tsx");
await show(App);
