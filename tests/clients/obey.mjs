// What the clients have in common: they do what lines of JSON on stdin say, and print what they hear.
import { createInterface } from "node:readline";

export const settings = JSON.parse(process.argv[2]);

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
        running.set(id, subscribe(request, {
          next: (result) => tell({ id, result }),
          error: (error) => tell({ id, error: plain(error) }),
          complete: () => tell({ id, complete: true }),
        }));
      }
    })
    .on("close", () => process.exit());
}

// Has a request that is sent again, since the connection was lost, begin behind what came last.
export function resuming({ variables }, sink) {
  return {
    ...sink,
    next(result) {
      const update = result.data?.segmentationUpdated;
      if (update) variables.after = update.revision;
      sink.next(result);
    },
  };
}

// Each time waits longer, and half a minute at most.
export async function retryWait(retries) {
  const longest = Math.min(1_000 * 2 ** retries, 30_000);
  await new Promise((resolve) => setTimeout(resolve, longest * (0.5 + Math.random() / 2)));
}

// Errors are those of GraphQL, closes of a socket, or refused responses.
function plain(error) {
  const errors = Array.isArray(error) ? error : error.errors;
  if (errors) return { codes: errors.map(({ extensions }) => extensions.code) };
  return { code: error.code, status: error.response?.status, message: error.message };
}
