"""What programs say of their failures, made fit to be kept."""

from msgspec.structs import replace

from persistence.records import SegmentationFailure
from resolvers.inputs import name_of

LONGEST_CODE = 100
LONGEST_MESSAGE = 2_000


def legible(failure: SegmentationFailure) -> SegmentationFailure:
    """Return the failure with a message that can be stored: cut to 2,000 characters if need be.

    Whoever fails must be able to say so, whatever the message holds: it is mended, not refused.
    Raises BadUserInput where the code does not have 1 to 100 characters.
    """
    code = name_of(failure.code, what="error's code", longest=LONGEST_CODE)
    message = failure.message.encode(errors="replace").decode().replace("\0", "?").strip()
    return replace(failure, code=code, message=message[:LONGEST_MESSAGE])
