"""The files that are uploaded: real images, and two that are none."""

from pathlib import Path

from hub.demo.failure import DemoFailed

_SAMPLES = Path(__file__).parents[2] / "samples"
_KINDS = (".jpg", ".png", ".tif")


def images() -> list[Path]:
    """Return the real images; raises DemoFailed where they are not beside the code."""
    found = sorted(path for path in _SAMPLES.glob("*") if path.suffix in _KINDS)
    if not found:
        raise DemoFailed(f"There are no images in {_SAMPLES}: run the demo from the repository.")
    return found


def broken(folder: Path) -> list[Path]:
    """Make half an image, and a text that is called an image."""
    whole = images()[0]
    half = folder / f"half-{whole.name}"
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    text = folder / "notes.tif"
    text.write_text("Plate 7: stained on Monday, looks promising.\n")
    return [half, text]
