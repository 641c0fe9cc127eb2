import { useGraphiQL } from "@graphiql/react";
import { type Session, session, signOut } from "../src/api/session";
import { useStore } from "../src/api/store";
import { useSigning } from "../src/parts/signing";
import { withToken } from "./credentials";
import classes from "./panels.module.css";

const TIME = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

/** Who is signed in, here as in the application; or a form to be it. */
export function Account() {
  const current = useStore(session);
  return (
    <section className={classes.panel}>
      <h2 className={classes.title}>Account</h2>
      {current ? <SignedIn current={current} /> : <SignIn />}
    </section>
  );
}

function SignedIn({ current }: { current: Session }) {
  const editor = useGraphiQL((state) => state.headerEditor);
  const { user, accessToken, expiresAt } = current;
  return (
    <>
      <p className={classes.who}>
        <strong>{user.name}</strong>
        <br />
        {user.email}
      </p>
      <p>
        The token is good until{" "}
        <time dateTime={new Date(expiresAt).toISOString()}>{TIME.format(expiresAt)}</time>, and is
        renewed before by itself: in the headers of each tab, too.
      </p>
      <button
        type="button"
        className={classes.button}
        onClick={() => editor?.setValue(withToken(editor.getValue(), accessToken))}
      >
        Put the token into the headers
      </button>
      <button type="button" className={classes.button} onClick={() => void signOut()}>
        Sign out
      </button>
      <p className={classes.hint}>
        Another Authorization in the headers wins over it, as <code>Bearer</code> with an API key;
        with an empty one you ask as nobody. You are signed in, and out, here and in the application
        alike.
      </p>
    </>
  );
}

function SignIn() {
  const { isNew, isBusy, error, ended, submit, turn } = useSigning();
  return (
    <form className={classes.form} onSubmit={submit}>
      {ended && <p>{ended}</p>}
      {error && (
        <p role="alert" className={classes.error}>
          {error}
        </p>
      )}
      {isNew && (
        <label>
          Name
          <input name="name" autoComplete="name" maxLength={200} required />
        </label>
      )}
      <label>
        E-mail
        <input name="email" type="email" autoComplete="email" required />
      </label>
      <label>
        Password
        <input
          name="password"
          type="password"
          autoComplete={isNew ? "new-password" : "current-password"}
          minLength={isNew ? 10 : 1}
          maxLength={1024}
          required
        />
      </label>
      {isNew && <p className={classes.hint}>10 characters or more. A sentence is good.</p>}
      <button type="submit" className={classes.primary} disabled={isBusy}>
        {isNew ? "Create the account" : "Sign in"}
      </button>
      <button type="button" className={classes.link} onClick={turn}>
        {isNew ? "Have an account already? Sign in" : "New here? Create an account"}
      </button>
      <p className={classes.hint}>
        The schema can be read without signing in. Once you are, the token stands in the headers of
        each tab.
      </p>
    </form>
  );
}
