// What the clients have in common: they do what lines of JSON on stdin say, and print what they hear.
import { createInterface } from "node:readline";

export const settings = JSON.parse(process.argv[2]);

// What the snippets want of a session.
export const session = {
  url: `${settings.url}/graphql`,
  accessToken: async () => settings.token,
};

export function tell(event) {
  console.log(JSON.stringify(event));
}

// Subscribes to each request that comes, and ends it when its id comes again. `subscribe` returns
// what ends the subscription.
export function obey(subscribe) {
  const running = new Map();
  createInterface({ input: process.stdin })
    .on("line", (line) => {
      const { id, token, ...request } = JSON.parse(line);
      if (token) {
        settings.token = token;
      } else if (running.has(id)) {
        running.get(id)();
        running.delete(id);
      } else {
        running.set(
          id,
          subscribe(request, {
            next: (result) => tell({ id, result }),
            error: (error) => tell({ id, error: plain(error) }),
            complete: () => tell({ id, complete: true }),
          }),
        );
      }
    })
    .on("close", () => process.exit());
}

// Errors are those of GraphQL, closes of a socket, or refused responses.
function plain(error) {
  const errors = Array.isArray(error) ? error : error.errors;
  if (errors) return { codes: errors.map(({ extensions }) => extensions.code) };
  return { code: error.code, status: error.response?.status, message: error.message };
}
