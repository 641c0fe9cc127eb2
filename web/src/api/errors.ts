import { CombinedGraphQLErrors, CombinedProtocolErrors } from "@apollo/client/errors";

/** What the hub refused, with the code by which programs tell refusals apart. */
export class HubError extends Error {
  override name = "HubError";

  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

type WithCode = { message: string; extensions?: { [key: string]: unknown } | undefined };

export function hubErrorOf({ message, extensions }: WithCode): HubError {
  return new HubError(String(extensions?.code ?? "INTERNAL"), message);
}

/** The code of an error, whichever way it came; "NETWORK" where no answer came. */
export function codeOf(error: unknown): string {
  if (error instanceof HubError) return error.code;
  if (CombinedGraphQLErrors.is(error) || CombinedProtocolErrors.is(error)) {
    const [first] = error.errors;
    return String(first?.extensions?.code ?? "INTERNAL");
  }
  return "NETWORK";
}

/** What to tell people of an error. */
export function messageOf(error: unknown): string {
  if (error instanceof HubError) return error.message;
  if (CombinedGraphQLErrors.is(error) || CombinedProtocolErrors.is(error)) {
    return error.errors.map(({ message }) => message).join(" ");
  }
  return "The hub can't be reached. Try again in a moment.";
}
