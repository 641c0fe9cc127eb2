"""Which models a worker can run, found out in a process that ends afterwards."""

from collections.abc import Callable, Mapping, Sequence

from worker.messages import Available
from worker.process import SegmentingProcess

# A model may be gigabytes on a slow disk.
_SECONDS = 600.0


class NoModels(Exception):
    """A worker has nothing that it could run; the message says why."""


async def runnable(
    wanted: Sequence[str], environment: Mapping[str, str], say: Callable[[str], None]
) -> list[str]:
    """Return the models, of those wanted or of all, that can run; say of each what there is.

    Raises NoModels where a model that was wanted can't, or none can.
    """
    process = SegmentingProcess(environment, seconds=_SECONDS)
    try:
        installed = await process.models()
        if unknown := [model for model in wanted if model not in installed]:
            there = ", ".join(installed) or "none"
            raise NoModels(f"There is no model '{unknown[0]}' here; there are: {there}.")
        found = []
        for model in wanted or installed:
            match await process.check(model):
                case Available(version):
                    say(f"Model {model}, version {version}.")
                    found.append(model)
                case unavailable:
                    if wanted:
                        raise NoModels(f"The model '{model}' can't run. {unavailable.reason}")
                    say(f"Without the model {model}. {unavailable.reason}")
    finally:
        await process.close()
    if not found:
        raise NoModels("No model can run here.")
    return found
