import { Modal, type ModalProps } from "@mantine/core";
import { useEffect, useState } from "react";

export function DialogShown({ opened, ...others }: ModalProps) {
  // It notes where the focus is, to give it back, when it opens; not when it is there at once.
  const [isThere, setThere] = useState(false);
  useEffect(() => setThere(true), []);
  return <Modal opened={opened && isThere} centered {...others} />;
}
