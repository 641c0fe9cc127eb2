import type { Ending } from "../live/project";

/** Says why a project is not there any more; once, whoever notices it. */
export function gone(id: string, name: string, ending: Ending) {
  const reason = {
    DELETED: "It was deleted.",
    REVOKED: "It is no longer shared with you.",
    MISSING: "It was deleted, or is no longer shared with you.",
  }[ending];
  return { id: `gone-${id}`, title: `“${name}” is gone`, message: reason, autoClose: 10_000 };
}
