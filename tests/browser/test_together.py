"""Two people with one project: what one does, the other sees, as it is committed."""

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from playwright.async_api import expect

from tests.browser.gallery import IMAGES, SAMPLES, drop, tile
from tests.browser.ledger import Ledger, Numbers
from tests.browser.people import People, made, shared
from tests.browser.sight import record, recorded
from tests.worker.processes import WorkerProcess

ORDER = ("UPLOADED", "QUEUED", "PROCESSING", "SEGMENTED", "NO_SEGMENTATION")

_CHIPS = """() => [...document.querySelectorAll("[aria-label='Show images by status'] .numbers")]
    .map((number) => Number(number.textContent.replaceAll(",", "")))"""
_TILES = """() => [...document.querySelectorAll("[role=gridcell] [data-status]:has(img)")]
    .map((tile) => [tile.querySelector("img").alt, tile.dataset.status])"""


def is_subsequence(some: Sequence[object], of: Sequence[object]) -> bool:
    """Tell whether all of some are among others, in their order."""
    others = iter(of)
    return all(each in others for each in some)


async def test_one_uploads_and_segments_and_the_other_sees_it_happen(
    people: People, worker: WorkerProcess, ledger: Ledger, tmp_path: Path
) -> None:
    ada, ben = await people.person("Ada"), await people.person("Ben")
    project = await made(ada, "Plate 7")
    await shared(ada, project, ben)
    await ben.page.get_by_role("link", name="Plate 7").click()
    await expect(ben.page.get_by_role("heading", name="No images yet")).to_be_visible()
    await record(ben.page, "chips", _CHIPS)
    await record(ben.page, "tiles", _TILES)
    await ada.open(f"/projects/{project}")
    await expect(ben.page.get_by_text("2 people here now:")).to_be_attached()

    notes = tmp_path / "notes.txt"
    notes.write_text("Plate 7 was stained on Monday.")
    await ada.page.get_by_label("Images to upload").set_input_files([*SAMPLES[:3], notes])
    uploads = ada.page.get_by_role("region", name="Uploads")
    await expect(uploads.get_by_role("status")).to_have_text("3 images uploaded, 1 rejected")
    await expect(uploads.get_by_role("listitem").filter(has_text="notes.txt")).to_contain_text(
        "not an image"
    )
    await drop(ada.page, SAMPLES[3:])
    for path in SAMPLES:
        await expect(tile(ben.page, path.name)).to_contain_text("New")
        await expect(tile(ada.page, path.name)).to_contain_text("New")
    await ada.page.get_by_role("button", name="Close the uploads").click()

    await ada.page.get_by_role("button", name="Segment all new").click()
    dialog = ada.page.get_by_role("dialog", name="Segment all new images")
    await expect(dialog).to_contain_text(f"This queues {len(SAMPLES)} new images.")
    await dialog.get_by_role("button", name="Segment").click()
    await expect(dialog).to_be_hidden()
    for path in SAMPLES:
        for page in (ada.page, ben.page):
            await expect(tile(page, path.name)).to_contain_text(
                re.compile("Segmented|No cells"), timeout=60_000
            )

    truth = (await ada.api.ask(IMAGES, id=project))["project"]
    committed = await ledger.states(project)
    assert committed[-1] == Numbers(*truth["stats"].values())
    shown = [Numbers(*counts) for _, *counts in filter(None, await recorded(ben.page, "chips"))]
    assert shown[-1] == committed[-1]
    assert is_subsequence(shown, committed)
    steps = [dict(tiles) for tiles in await recorded(ben.page, "tiles")]
    for before, after in pairwise(steps):
        assert before.keys() <= after.keys()
        assert all(ORDER.index(before[name]) <= ORDER.index(after[name]) for name in before)
    images = {edge["node"]["name"]: edge["node"] for edge in truth["images"]["edges"]}
    assert steps[-1] == {f"Thumbnail of {name}": each["status"] for name, each in images.items()}
