// Shows an application in a document without a screen, uses it as people do, and tells what is seen.
import { JSDOM } from "jsdom";
import { fileOf, obey, session, tell } from "./drive.mjs";

const { window } = new JSDOM('<div id="root"></div>', { pretendToBeVisual: true });
const { document } = window;
globalThis.window = window;
globalThis.document = document;

const all = (selector) => [...document.querySelectorAll(selector)];
const one = (selector) => document.querySelector(selector);

// Waits until something is seen.
async function seen(selector) {
  while (!one(selector)) await new Promise((resolve) => seeing.add(resolve));
  return one(selector);
}

const seeing = new Set();
const last = {};

function look() {
  for (const resolve of seeing) resolve();
  seeing.clear();
  const state = {
    projects: one("ul") && all("ul > li").map(project),
    images: one("ol") && all("ol > li").map(image),
    progress: one("progress") && progress(one("label")),
    failed: one("[role=alert]:not(.rejected)")?.textContent,
    uploaded: one("output") && uploaded(),
  };
  for (const [name, value] of Object.entries(state)) {
    const encoded = JSON.stringify(value);
    if (value && last[name] !== encoded) tell({ [name]: value });
    last[name] = encoded;
  }
}

function project(item) {
  const [segmentedCount, imageCount] = ["value", "max"].map((name) =>
    Number(item.querySelector("meter").getAttribute(name)),
  );
  const stats = { imageCount, segmentedCount, revision: Number(item.dataset.revision) };
  return { id: item.id, name: item.querySelector("button").textContent, stats };
}

function image(item) {
  const status = item.querySelector("em").textContent;
  return { id: item.id, status, revision: Number(item.dataset.revision) };
}

function progress(label) {
  const [filesStored, filesRejected, filesTotal] = label.textContent.match(/\d+/g).map(Number);
  const bytesReceived = Number(label.querySelector("progress").getAttribute("value"));
  const done = label.getAttribute("aria-busy") === "false";
  return { bytesReceived, filesStored, filesRejected, filesTotal, done };
}

function uploaded() {
  const rejected = all(".rejected").map(({ textContent }) => textContent.split(":")[0]);
  return { stored: Number.parseInt(one("output").textContent, 10), rejected };
}

export async function show(App) {
  const { createElement } = await import("react");
  const { createRoot } = await import("react-dom/client");
  new window.MutationObserver(look).observe(document, {
    attributes: true,
    characterData: true,
    childList: true,
    subtree: true,
  });
  createRoot(one("#root")).render(createElement(App, { session }));

  obey({
    async signIn({ email, password }) {
      (await seen("[name=email]")).value = email;
      one("[name=password]").value = password;
      one("form").requestSubmit();
    },
    async watch({ projectId }) {
      (await seen(`#${projectId} button`)).click();
    },
    async upload({ files }) {
      const input = await seen("[type=file]");
      Object.defineProperty(input, "files", { configurable: true, value: files.map(fileOf) });
      input.dispatchEvent(new window.Event("change", { bubbles: true }));
    },
  });
}
