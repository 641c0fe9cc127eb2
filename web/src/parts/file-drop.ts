import { useEffect, useEffectEvent, useState } from "react";

/** Takes files and folders that are dropped anywhere on the page; says whether some are over it. */
export function useFileDrop(onDrop: (files: File[]) => void): boolean {
  const [isOver, setOver] = useState(false);
  const take = useEffectEvent(onDrop);
  useEffect(() => {
    // How many elements they are over, one inside of the other.
    let depth = 0;
    const move = (by: number) => {
      depth = Math.max(0, depth + by);
      setOver(depth > 0);
    };
    const listeners = {
      dragenter: () => move(1),
      dragleave: () => move(-1),
      dragover: ({ dataTransfer }: DragEvent) => {
        if (dataTransfer) dataTransfer.dropEffect = "copy";
      },
      drop: ({ dataTransfer }: DragEvent) => {
        move(-depth);
        if (dataTransfer) void filesOf(dataTransfer).then(take);
      },
    };
    const hear = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      // A browser opens what is dropped where nobody takes it.
      event.preventDefault();
      listeners[event.type as keyof typeof listeners](event);
    };
    const types = Object.keys(listeners) as (keyof typeof listeners)[];
    for (const type of types) document.addEventListener(type, hear);
    return () => {
      for (const type of types) document.removeEventListener(type, hear);
    };
  }, []);
  return isOver;
}

// What was dropped can be asked for during the event alone; what is in folders later, too.
async function filesOf({ items }: DataTransfer): Promise<File[]> {
  const dropped = [...items].map((item) => item.webkitGetAsEntry() ?? item.getAsFile());
  const files = dropped.map(async (each) => {
    if (each === null) return [];
    return each instanceof File ? [each] : filesIn(each);
  });
  return (await Promise.all(files)).flat();
}

async function filesIn(entry: FileSystemEntry): Promise<File[]> {
  if (isFile(entry)) {
    // One that can't be read any more is left out.
    return new Promise((resolve) =>
      entry.file(
        (file) => resolve([file]),
        () => resolve([]),
      ),
    );
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const entries: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve) =>
      reader.readEntries(resolve, () => resolve([])),
    );
    if (!some.length) break;
    entries.push(...some);
  }
  return (await Promise.all(entries.map(filesIn))).flat();
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}
