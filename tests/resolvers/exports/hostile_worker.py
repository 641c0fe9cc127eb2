"""A process of exports that breaks over the originals of images, as their names say.

"crash" always does; "crash if measured" only where it has to decode the original.
"""

import os
import signal
import sys

import msgspec

from persistence import confined
from persistence.image_verdict import ImageLimits
from resolvers.exports.worker import Work, answer

if __name__ == "__main__":
    limits = msgspec.json.decode(sys.argv[1], type=ImageLimits)

    def break_down(line: bytes) -> bytes:
        work = msgspec.json.decode(line, type=Work)
        deed, _, condition = work.image.name.partition(" ")
        if not condition or work.original:
            match deed:
                case "crash":
                    os.kill(os.getpid(), signal.SIGSEGV)
                case "hang":
                    signal.pause()
        return msgspec.json.encode(answer(line, limits))

    confined.serve(break_down, memory_bytes=limits.memory_bytes, seconds=limits.seconds)
