import { show } from "./page.mjs";

const { App } = await import("../../../docs/clients/apollo/App.tsx");
await show(App);
