import { codeOf, messageOf } from "../api/errors";
import { Store } from "../api/store";
import { batchesOf, outcomesOf, spread } from "./upload-batches";

/** "checking": all of it is there, and the hub has not said yet what it thinks of it. */
export type FileState =
  | "waiting"
  | "sending"
  | "checking"
  | "stored"
  | "rejected"
  | "failed"
  | "cancelled";

export interface UploadFile {
  readonly key: number;
  readonly file: File;
  readonly name: string;
  readonly size: number;
  readonly projectId: string;
  state: FileState;
  /** Bytes that are there. */
  received: number;
  imageId: string | null;
  /** Why it was rejected or failed, for programs and for people. */
  code: string | null;
  message: string | null;
}

export interface HubProgress {
  bytesReceived: number;
  filesStored: number;
  filesRejected: number;
}

export interface UploadAnswer {
  images: readonly { id: string; name: string; sizeBytes: number }[];
  rejected: readonly { name: string; code: string; message: string }[];
}

/** How batches get to the hub. */
export interface Transport {
  /** Sends the files; the same `uploadId` sent again changes nothing. `onSent` hears of bytes. */
  send: (
    call: { projectId: string; uploadId: string; files: readonly File[] },
    onSent: (bytes: number) => void,
  ) => Promise<UploadAnswer>;
  /** Hears from the hub how far an upload is, until what it returns is called. */
  watch: (uploadId: string, next: (progress: HubProgress) => void) => () => void;
  /** Waits before the next attempt, longer each time. */
  pause: (attempt: number) => Promise<void>;
}

interface Batch {
  readonly uploadId: string;
  readonly projectId: string;
  readonly files: readonly UploadFile[];
  /** What the hub says of it; null before it says something. */
  heard: HubProgress | null;
}

export interface Totals {
  files: number;
  bytes: number;
  received: number;
  stored: number;
  rejected: number;
  failed: number;
  waiting: number;
  /** Whether anything is under way. */
  active: boolean;
}

const AT_ONCE = 2;
const ATTEMPTS = 8;
const TELL_MILLISECONDS = 100;
// An uploadId makes it safe to send again what may have arrived.
const PASSING = new Set(["NETWORK", "SERVICE_UNAVAILABLE", "RATE_LIMITED", "OUTCOME_UNKNOWN"]);
// What goes for one batch goes for the project's others, too.
const FINAL = new Set(["FORBIDDEN", "NOT_FOUND", "QUOTA_EXCEEDED", "UNAUTHENTICATED"]);

/** Sends files to projects, in batches, two at a time, whatever page is on the screen. */
export class UploadManager {
  /** Another number each time that something changed, ten times a second at most. */
  readonly version = new Store(0);
  #files: UploadFile[] = [];
  #waiting: Batch[] = [];
  #broken: Batch[] = [];
  readonly #running = new Set<Batch>();
  #nextKey = 0;
  #telling = false;

  constructor(private readonly transport: Transport) {}

  /** In the order in which they were added. */
  get files(): readonly UploadFile[] {
    return this.#files;
  }

  totals(): Totals {
    const of = (...states: FileState[]) =>
      this.#files.filter(({ state }) => states.includes(state)).length;
    const counted = this.#files.filter(({ state }) => state !== "cancelled");
    const heard = [...this.#running].map((batch) => batch.heard);
    return {
      files: counted.length,
      bytes: sum(counted.map(({ size }) => size)),
      received: sum(counted.map(({ received }) => received)),
      stored: of("stored") + sum(heard.map((progress) => progress?.filesStored ?? 0)),
      rejected: of("rejected") + sum(heard.map((progress) => progress?.filesRejected ?? 0)),
      failed: of("failed"),
      waiting: of("waiting"),
      active: of("waiting", "sending", "checking") > 0,
    };
  }

  add(projectId: string, files: readonly File[]): void {
    const added = files.map((file): UploadFile => {
      const key = this.#nextKey++;
      const { name, size } = file;
      return { key, file, name, size, projectId, ...UNSENT };
    });
    this.#files = [...this.#files, ...added];
    for (const batch of batchesOf(added)) {
      this.#waiting.push({ uploadId: randomId(), projectId, files: batch, heard: null });
    }
    this.#go();
  }

  /** Sends again what failed, under the names that it had. */
  retry(): void {
    for (const batch of this.#broken) {
      for (const file of batch.files) Object.assign(file, UNSENT);
    }
    this.#waiting.push(...this.#broken);
    this.#broken = [];
    this.#go();
  }

  /** Lets go of what was not begun. */
  cancelWaiting(): void {
    for (const { files } of this.#waiting) {
      for (const file of files) file.state = "cancelled";
    }
    this.#waiting = [];
    this.#tell();
  }

  /** Forgets all files that are through, or all that there is. */
  clear(all = false): void {
    if (all) this.#waiting = [];
    this.#broken = [];
    const isOpen = ({ state }: UploadFile) =>
      state === "waiting" || state === "sending" || state === "checking";
    this.#files = all ? [] : this.#files.filter(isOpen);
    this.version.set(this.version.get() + 1);
  }

  #go(): void {
    while (this.#running.size < AT_ONCE) {
      const batch = this.#waiting.shift();
      if (!batch) break;
      this.#running.add(batch);
      void this.#run(batch).finally(() => {
        this.#running.delete(batch);
        this.#go();
      });
    }
    this.#tell();
  }

  async #run(batch: Batch): Promise<void> {
    const { uploadId, projectId, files } = batch;
    const stop = this.transport.watch(uploadId, (progress) => {
      batch.heard = progress;
      this.#received(files, progress.bytesReceived);
    });
    const onSent = (bytes: number) => {
      if (!batch.heard) this.#received(files, bytes);
    };
    const call = { projectId, uploadId, files: files.map(({ file }) => file) };
    try {
      const attempt = () => this.#attempt(batch, call, onSent);
      const answer = await this.#persist(attempt, (why) => {
        this.#received(files, 0);
        for (const file of files) file.message = why;
      });
      this.#end(batch, answer);
    } catch (error) {
      this.#fail(batch, error);
    } finally {
      stop();
    }
  }

  #attempt(batch: Batch, call: Parameters<Transport["send"]>[0], onSent: (bytes: number) => void) {
    batch.heard = null;
    for (const file of batch.files) file.message = null;
    this.#received(batch.files, 0);
    return this.transport.send(call, onSent);
  }

  async #persist<T>(attempt: () => Promise<T>, again: (why: string) => void): Promise<T> {
    for (let failures = 0; ; failures++) {
      try {
        return await attempt();
      } catch (error) {
        if (!PASSING.has(codeOf(error)) || failures + 1 >= ATTEMPTS) throw error;
        again(messageOf(error));
        await this.transport.pause(failures);
      }
    }
  }

  #received(files: readonly UploadFile[], bytes: number): void {
    const parts = spread(files, bytes);
    files.forEach((file, at) => {
      file.received = parts[at] ?? 0;
      file.state = bytes > 0 && file.received === file.size ? "checking" : "sending";
    });
    this.#tell();
  }

  #end(batch: Batch, { images, rejected }: UploadAnswer): void {
    batch.heard = null;
    outcomesOf(batch.files, images, rejected).forEach((outcome, at) => {
      const file = batch.files[at];
      if (file) Object.assign(file, outcome, { received: file.size });
    });
    this.#tell();
  }

  #fail(batch: Batch, error: unknown): void {
    batch.heard = null;
    const code = codeOf(error);
    const failing = [batch];
    if (FINAL.has(code)) {
      const isOthers = ({ projectId }: Batch) => projectId !== batch.projectId;
      failing.push(...this.#waiting.filter((other) => !isOthers(other)));
      this.#waiting = this.#waiting.filter(isOthers);
    }
    const failed = { state: "failed", received: 0, code, message: messageOf(error) } as const;
    for (const { files } of failing) {
      for (const file of files) Object.assign(file, failed);
    }
    this.#broken.push(...failing);
    this.#tell();
  }

  #tell(): void {
    if (this.#telling) return;
    this.#telling = true;
    setTimeout(() => {
      this.#telling = false;
      this.version.set(this.version.get() + 1);
    }, TELL_MILLISECONDS);
  }
}

const UNSENT = {
  state: "waiting",
  received: 0,
  imageId: null,
  code: null,
  message: null,
} as const;

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

// crypto.randomUUID is there over HTTPS and on localhost only.
function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
