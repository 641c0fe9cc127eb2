import { IconTrash } from "@tabler/icons-react";
import { type DragEvent, useRef, useState } from "react";
import { useStore } from "../src/api/store";
import { bytes, counted } from "../src/parts/format";
import classes from "./panels.module.css";
import { type Progress, progress } from "./progress";
import { pick, picked, unpick } from "./uploads";

/** Picks the files that variables name. */
export function Files() {
  const files = useStore(picked);
  const underWay = useStore(progress);
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);

  function drop(event: DragEvent) {
    event.preventDefault();
    setOver(false);
    pick(event.dataTransfer.files);
  }

  return (
    <section className={classes.panel}>
      <h2 className={classes.title}>Files</h2>
      <button
        type="button"
        className={classes.drop}
        data-over={over || undefined}
        onClick={() => input.current?.click()}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
      >
        Pick files, or drop them here
      </button>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label="Files"
        onChange={({ currentTarget }) => {
          pick(currentTarget.files ?? []);
          currentTarget.value = "";
        }}
      />
      <ul className={classes.files}>
        {files.map((file) => (
          <li key={file.name}>
            <span>{file.name}</span>
            <small>{bytes(file.size)}</small>
            <button type="button" aria-label={`Remove ${file.name}`} onClick={() => unpick(file)}>
              <IconTrash size={16} aria-hidden />
            </button>
          </li>
        ))}
      </ul>
      <p role="status">{underWay && told(underWay)}</p>
      <p className={classes.hint}>
        In variables, where the schema has an <code>Upload</code>, write <code>"file:NAME"</code>{" "}
        for one of them, or <code>"file:*"</code>, in a list, for all. The operation then goes as a
        multipart request. With an <code>uploadId</code> in the variables, it is told here how far
        it is.
      </p>
    </section>
  );
}

function told({ bytesReceived, filesStored, filesRejected, filesTotal }: Progress): string {
  if (!filesTotal) return "Uploading …";
  const done = (filesStored ?? 0) + (filesRejected ?? 0);
  return `Uploading: ${done} of ${counted(filesTotal, "file")}, ${bytes(bytesReceived ?? 0)}.`;
}
