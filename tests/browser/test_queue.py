"""The queue: what waits, what runs, what is given up, and what failed and is tried again."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser.gallery import sample, tile
from tests.browser.people import People, made
from tests.live.pictures import png
from tests.worker.processes import WorkerProcess


class Gate:
    """Where runs of the model 'gated' wait."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def open(self) -> None:
        """Let runs go on."""
        self._path.touch()

    def shut(self) -> None:
        """Have those to come wait."""
        self._path.unlink(missing_ok=True)


@pytest.fixture
def gate(folder: Path) -> Iterator[Gate]:
    """The gate, which is shut. In the end it is open, lest the worker wait for nothing."""
    made = Gate(folder / "gate")
    made.shut()
    yield made
    made.open()


async def segment(page: Page, model: str, images: int) -> None:
    """Have the model find cells in all images, from the gallery."""
    await page.get_by_role("button", name="Segment all new").click()
    dialog = page.get_by_role("dialog", name="Segment all new images")
    await dialog.get_by_role("combobox", name="Model").fill(model)
    await dialog.get_by_role("button", name="Segment").click()
    await expect(dialog).to_be_hidden()
    await expect(page.get_by_text(f"Queued {images} image")).to_be_visible()


async def test_what_waits_and_runs_is_told_and_can_be_given_up(
    people: People, worker: WorkerProcess, gate: Gate
) -> None:
    ada = await people.person("Ada")
    project = await made(ada, "Plate 7")
    files = [(f"{number}.png", png(number, side=8)) for number in range(4)]
    images = (await ada.api.upload(project, *files))["images"]
    page = await ada.open(f"/projects/{project}")
    queue = page.get_by_role("complementary", name="Queue")
    await expect(queue).to_contain_text("Nothing waits.")
    await segment(page, "gated", 4)
    await expect(queue).to_contain_text("1 running, 3 waiting.")
    jobs = queue.get_by_role("listitem")
    await expect(jobs).to_have_count(4)
    await expect(jobs.nth(0).get_by_role("progressbar", name="50 % done")).to_be_visible()
    for ahead, job in enumerate(("Next", "1 ahead", "2 ahead")):
        await expect(jobs.nth(1 + ahead)).to_contain_text(f"{1 + ahead}.png{job}")
    await expect(tile(page, "0.png")).to_contain_text("Running 50 %")
    await expect(page.get_by_role("button", name="Queued 3")).to_be_visible()

    picture = await ada.new_tab(f"/projects/{project}/images/{images[3]['id']}")
    await expect(picture.get_by_text("2 ahead in the queue")).to_be_visible()
    await picture.get_by_role("button", name="Cancel").click()
    await expect(picture.get_by_role("button", name="Cancel")).to_be_hidden()
    await expect(tile(page, "3.png")).to_contain_text("New")
    await expect(queue).to_contain_text("1 running, 2 waiting.")

    await queue.get_by_role("button", name="Cancel 2.png").click()
    await expect(tile(page, "2.png")).to_contain_text("New")
    gate.open()
    for name in ("0.png", "1.png"):
        await expect(tile(page, name)).to_contain_text("1 cell")
    await expect(queue).to_contain_text("Nothing waits.")
    gate.shut()

    await segment(page, "gated", 2)
    await expect(queue).to_contain_text("1 running, 1 waiting.")
    await expect(queue).to_contain_text("to go.")
    await queue.get_by_role("button", name="Cancel all").click()
    await expect(queue).to_contain_text("Nothing waits.")
    await expect(page.get_by_role("button", name="New 2")).to_be_visible()
    await expect(page.get_by_role("button", name="Segmented 2")).to_be_visible()


async def test_what_failed_says_why_and_is_tried_again(
    people: People, worker: WorkerProcess
) -> None:
    ada = await people.person("Ada")
    project = await made(ada, "Plate 7")
    await ada.api.upload(project, sample("tissue-he.jpg"))
    page = await ada.open(f"/projects/{project}")
    await segment(page, "picky", 1)
    await expect(tile(page, "tissue-he.jpg")).to_contain_text("Failed")
    await expect(tile(page, "tissue-he.jpg")).to_contain_text("There is nothing to be seen.")
    await tile(page, "tissue-he.jpg").get_by_role("link").click()
    alert = page.get_by_role("alert").filter(has_text="The segmentation failed")
    await expect(alert).to_contain_text("There is nothing to be seen.")
    await expect(alert).to_contain_text("(BAD_IMAGE)")
    await alert.get_by_role("button", name="Try again").click()
    await expect(page.get_by_role("tab", name=re.compile(r"Cells \(\d+\)"))).to_be_visible()
    await expect(alert).to_be_hidden()
