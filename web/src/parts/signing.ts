import { type FormEvent, useState } from "react";
import { messageOf } from "../api/errors";
import { ending, signIn, signUp } from "../api/session";
import { useStore } from "../api/store";

export interface Signing {
  /** Whether an account is created. */
  isNew: boolean;
  isBusy: boolean;
  /** Why it was refused. */
  error: string | null;
  /** Why the last session ended by itself. */
  ended: string | null;
  /** Signs in, or up, with the form's fields name, email and password. */
  submit: (event: FormEvent<HTMLFormElement>) => Promise<void>;
  /** Turns to the other of both. */
  turn: () => void;
}

/** What a form needs by which one signs in or creates an account. */
export function useSigning(): Signing {
  const ended = useStore(ending);
  const [isNew, setNew] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const value = (name: string) => String(form.get(name) ?? "");
    setBusy(true);
    setError(null);
    try {
      if (isNew) await signUp(value("name"), value("email"), value("password"));
      else await signIn(value("email"), value("password"));
    } catch (failure) {
      setError(messageOf(failure));
      setBusy(false);
    }
  }

  function turn() {
    setNew(!isNew);
    setError(null);
  }

  return { isNew, isBusy, error, ended: error ? null : ended, submit, turn };
}
