"""An inspecting process that does as the name of the file says: crash, hang, hog memory."""

import os
import signal
import sys
from pathlib import Path

from persistence.image_verdict import ImageLimits, InspectedImage
from persistence.image_worker import inspect_file, serve


def _inspect(path: Path, limits: ImageLimits) -> InspectedImage:
    match path.name:
        case "exits":
            os._exit(3)
        case "crashes":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "crashes-once" if not (marker := path.with_name("crashed")).exists():
            marker.touch()
            os._exit(3)
        case "hangs":
            signal.pause()
        case "hangs-when-told":
            # A named pipe: opening it waits for the other side, so both know where the other is.
            path.open("wb").close()
            signal.pause()
        case "hogs":
            bytearray(limits.memory_bytes)
        case "prints":
            sys.stdout.write("not a verdict\n")
            os.write(1, b"nor this\n")
        case "stumbles":
            raise RuntimeError
        case "tells":
            path.write_text(" ".join(os.environ))
    return inspect_file(path.with_name("good"), limits)


if __name__ == "__main__":
    serve(_inspect)
