"""A process that makes pyramids, and does as the image says: crash, hang, or wait to be told.

Its argument is a folder. There it notes what it was asked for; for an image that waits it opens the
pipe "gate", which takes until somebody opens the other end, and goes on when that is closed.
"""

import os
import signal
import sys
from pathlib import Path

import msgspec
from msgspec.structs import replace

from persistence import confined
from persistence.image_verdict import ImageLimits
from persistence.pyramid_worker import PyramidWork, answer

WAITS = b"waits"

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    limits = msgspec.json.decode(sys.argv[2], type=ImageLimits)

    def misbehave(line: bytes) -> bytes:
        work = msgspec.json.decode(line, type=PyramidWork)
        content = Path(work.original).read_bytes()
        with (folder / "asked").open("a") as asked:
            asked.write(f"{work.original}\n")
        match content[:5]:
            case b"crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            case b"hangs":
                signal.pause()
            case b"waits":
                (folder / "gate").read_bytes()
                picture = Path(work.folder) / "picture"
                picture.write_bytes(content.removeprefix(WAITS))
                work = replace(work, original=str(picture))
        return msgspec.json.encode(answer(msgspec.json.encode(work), limits))

    confined.serve(misbehave, memory_bytes=limits.memory_bytes, seconds=limits.seconds)
