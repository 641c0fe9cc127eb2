// Two tabs of a browser: sessions that share the store.
import { Session } from "../../../docs/clients/session.ts";
import { obey, session, store, tell } from "./drive.mjs";

const tabs = [session, new Session(session.url, store)];

obey({
  signIn: ({ email, password }) => session.signIn(email, password),
  async refresh() {
    const refused = await session.accessToken();
    tell({ refused, got: await Promise.all(tabs.map((tab) => tab.accessToken(refused))) });
  },
  // While the other tab refreshes.
  async signOut() {
    const refused = await session.accessToken();
    await Promise.allSettled([tabs[1].accessToken(refused), session.signOut()]);
    tell({ isSignedIn: tabs.map((tab) => tab.isSignedIn()) });
  },
});
