"""The gallery of a project: its images, and how files get into it."""

from collections.abc import Sequence
from pathlib import Path

from playwright.async_api import Locator, Page, expect

SAMPLES = sorted(
    path for path in (Path(__file__).parents[2] / "samples").iterdir() if path.suffix != ".md"
)
IMAGES = """query($id: ID!) { project(id: $id) { stats { uploadedCount queuedCount processingCount
    segmentedCount noSegmentationCount failedCount } images(first: 100) { edges { node { id name
    status segmentation { cellCount } } } } } }"""


async def drop(page: Page, files: Sequence[Path]) -> None:
    """Drag files from outside over a page, and drop them in its midst."""
    assert page.viewport_size is not None
    middle = {"x": page.viewport_size["width"] / 2, "y": page.viewport_size["height"] / 2}
    data = {"items": [], "files": [str(path) for path in files], "dragOperationsMask": 1}
    invitation = page.get_by_text("Drop to upload to")
    browser = await page.context.new_cdp_session(page)
    for step in ("dragEnter", "dragOver"):
        await browser.send("Input.dispatchDragEvent", {"type": step, **middle, "data": data})
    await expect(invitation).to_be_visible()
    for step in ("dragOver", "drop"):
        await browser.send("Input.dispatchDragEvent", {"type": step, **middle, "data": data})
    await expect(invitation).to_be_hidden()
    await browser.detach()


def tile(page: Page, name: str) -> Locator:
    """Return where an image is in the gallery."""
    return page.get_by_role("gridcell").filter(has=page.get_by_text(name, exact=True))


def sample(name: str) -> tuple[str, bytes]:
    """Return one of the sample images, as a file to upload past the browser."""
    [path] = [path for path in SAMPLES if path.name == name]
    return name, path.read_bytes()
