// What a React front end shows, whichever library gets it.
import { type FormEvent, useState } from "react";
import type { Session } from "./session.ts";

export function SignIn({ session }: { session: Session }) {
  const [error, setError] = useState<Error>();

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const { elements } = event.currentTarget;
    const typed = (name: string) => (elements.namedItem(name) as HTMLInputElement).value;
    try {
      await session.signIn(typed("email"), typed("password"));
    } catch (error) {
      setError(error as Error);
    }
  }

  return (
    <form onSubmit={submit}>
      <input name="email" type="email" autoComplete="username" required />
      <input name="password" type="password" autoComplete="current-password" required />
      <button type="submit">Sign in</button>
      <Failure error={error} />
    </form>
  );
}

export interface Project {
  readonly id: string;
  readonly name: string;
  readonly stats: {
    readonly imageCount: number;
    readonly segmentedCount: number;
    readonly revision: number;
  };
}

export function ProjectList(props: { projects: readonly Project[]; onOpen: (id: string) => void }) {
  return (
    <ul>
      {props.projects.map(({ id, name, stats }) => (
        <li key={id} id={id} data-revision={stats.revision}>
          <button type="button" onClick={() => props.onOpen(id)}>
            {name}
          </button>
          <meter value={stats.segmentedCount} max={stats.imageCount} />
        </li>
      ))}
    </ul>
  );
}

export interface Image {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly revision: number;
}

export function ImageList({ images }: { images: readonly Image[] }) {
  return (
    <ol>
      {images.map(({ id, name, status, revision }) => (
        <li key={id} id={id} data-revision={revision}>
          {name}: <em>{status}</em>
        </li>
      ))}
    </ol>
  );
}

export interface Progress {
  readonly bytesReceived: number;
  readonly filesTotal: number;
  readonly filesStored: number;
  readonly filesRejected: number;
  readonly done: boolean;
}

export interface Uploaded {
  readonly images: readonly { readonly id: string }[];
  readonly rejected: readonly { readonly name: string; readonly message: string }[];
}

interface UploadFormProps {
  onChoose: (files: File[]) => void;
  progress: Progress | undefined;
  uploaded: Uploaded | null | undefined;
}

export function UploadForm({ onChoose, progress, uploaded }: UploadFormProps) {
  const [size, setSize] = useState(0);

  function choose({ currentTarget }: FormEvent<HTMLInputElement>) {
    const files = [...(currentTarget.files ?? [])];
    setSize(files.reduce((sum, file) => sum + file.size, 0));
    onChoose(files);
  }

  return (
    <form>
      <input type="file" multiple accept="image/*" onChange={choose} />
      {progress && (
        <label aria-busy={!progress.done}>
          <progress value={progress.bytesReceived} max={size} />
          {progress.filesStored} stored, {progress.filesRejected} rejected of {progress.filesTotal}
        </label>
      )}
      {uploaded && <output>{uploaded.images.length} images are stored.</output>}
      {uploaded?.rejected.map(({ name, message }) => (
        <p key={name} className="rejected" role="alert">
          {name}: {message}
        </p>
      ))}
    </form>
  );
}

export function Failure({ error }: { error: Error | null | undefined }) {
  return error ? <p role="alert">{error.message}</p> : null;
}
