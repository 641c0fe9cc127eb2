// Has a snippet do what lines of JSON on stdin say, and prints what becomes of it, and what it sends.
import { createInterface } from "node:readline";
import { Session } from "../../../docs/clients/session.ts";

const { url } = JSON.parse(process.argv[2]);
const kept = new Map();
export const store = {
  getItem: (key) => kept.get(key) ?? null,
  setItem: (key, value) => kept.set(key, value),
  removeItem: (key) => kept.delete(key),
};

export const session = new Session(`${url}/graphql`, store);

export function tell(event) {
  console.log(JSON.stringify(event));
}

session.subscribe(() => session.isSignedIn() && tell({ signedIn: true }));

globalThis.WebSocket = class extends WebSocket {
  constructor(...address) {
    super(...address);
    this.addEventListener("open", () => tell({ opened: true }));
    this.addEventListener("message", ({ data }) => tell({ received: JSON.parse(data) }));
    this.addEventListener("close", ({ code }) => tell({ closed: code }));
  }
};

const real = fetch;
let spoiled;
globalThis.fetch = async (address, request) => {
  const headers = new Headers(request.headers);
  if (headers.get("Authorization") === `Bearer ${spoiled}`)
    headers.set("Authorization", "Bearer x");
  const response = await real(address, { ...request, headers });
  const text = request.body instanceof FormData ? request.body.get("operations") : request.body;
  tell({ asked: JSON.parse(text).query });
  return response;
};

// `actions` are what can be done, by name.
export function obey(actions) {
  const known = { spoil, ...actions };
  createInterface({ input: process.stdin })
    .on("line", async (line) => {
      const { does, ...how } = JSON.parse(line);
      try {
        await known[does](how);
      } catch ({ message }) {
        tell({ failed: message });
      }
    })
    .on("close", () => process.exit());
}

// The actions of snippets that keep what is told in lists.
export function keeping({ watchProjects, watchImages, upload }) {
  const failed = ({ message }) => tell({ failed: message });
  const show = (name, store) => store.subscribe(() => tell({ [name]: store.list() }));
  return {
    signIn: ({ email, password }) => session.signIn(email, password),
    watch({ projectId }) {
      show("projects", watchProjects(failed).projects);
      show("images", watchImages(projectId, failed).images);
    },
    async upload({ projectId, files }) {
      const told = (progress) => tell({ progress });
      const { images, rejected } = await upload(projectId, files.map(fileOf), told);
      tell({ uploaded: { stored: images.length, rejected: rejected.map(({ name }) => name) } });
    },
  };
}

// Has the hub refuse the access token from now on.
function spoil() {
  const [tokens] = kept.values();
  spoiled = JSON.parse(tokens).accessToken;
}

export function fileOf({ name, content }) {
  return new File([Buffer.from(content, "base64")], name);
}
