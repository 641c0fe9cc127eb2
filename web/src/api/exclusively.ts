const POLL_MILLISECONDS = 40;
const HELD_MILLISECONDS = 15_000;

/**
 * Does the work while no other tab of this browser does work of the same name.
 *
 * Web Locks are there over HTTPS and on localhost only. A hub in a laboratory's network is often
 * reached by neither; there a note in the storage that all tabs share stands in for the lock. A tab
 * that died with it holds it for 15 s.
 */
export async function exclusively<T>(name: string, work: () => Promise<T>): Promise<T> {
  if (navigator.locks) return navigator.locks.request(name, work);
  const mine = String(Math.random());
  const note = () => (localStorage.getItem(name) ?? " ").split(" ");
  for (;;) {
    const [, until] = note();
    if (Number(until) < Date.now()) {
      localStorage.setItem(name, `${mine} ${Date.now() + HELD_MILLISECONDS}`);
      await pause();
      if (note()[0] === mine) break;
    } else {
      await pause();
    }
  }
  try {
    return await work();
  } finally {
    // Whoever took so long that another took it over leaves it to that one.
    if (note()[0] === mine) localStorage.removeItem(name);
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS * (0.5 + Math.random())));
}
