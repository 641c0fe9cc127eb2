"""The page of an image: its picture, the outlines of its cells, and what is measured."""

import asyncio
import re

from playwright.async_api import Locator, expect

from tests.browser.gallery import IMAGES, sample, tile
from tests.browser.people import PATIENCE_MILLISECONDS, People, made, shared
from tests.worker.processes import WorkerProcess

NUCLEI = "nuclei-fluorescence.tif"

# How many pixels of a canvas are drawn on, as soon as that is between two numbers.
_DRAWN = """async (canvas, [least, most]) => {
    for (;;) {
        const copy = new OffscreenCanvas(canvas.width, canvas.height);
        const context = copy.getContext("2d", { willReadFrequently: true });
        context.drawImage(canvas, 0, 0);
        const { data } = context.getImageData(0, 0, copy.width, copy.height);
        const drawn = data.filter((value, index) => index % 4 === 3 && value > 0).length;
        if (least <= drawn && drawn <= most) return drawn;
        await new Promise(requestAnimationFrame);
    }
}"""


async def drawn(canvas: Locator, least: int = 0, most: int = 10**9) -> int:
    """Wait until so many pixels of a canvas are drawn on; return how many there are."""
    async with asyncio.timeout(PATIENCE_MILLISECONDS / 1000):
        return int(await canvas.evaluate(_DRAWN, [least, most]))


async def test_outlines_of_the_cells_are_drawn_on_the_picture(
    people: People, worker: WorkerProcess
) -> None:
    ada, ben = await people.person("Ada"), await people.person("Ben")
    project = await made(ada, "Plate 7")
    await shared(ada, project, ben)
    await ada.api.upload(project, sample(NUCLEI))
    await ben.open(f"/projects/{project}")
    await tile(ben.page, NUCLEI).get_by_role("link").click()
    await expect(ben.page.get_by_role("heading", name=NUCLEI)).to_be_visible()
    outlines = ben.page.get_by_role("region", name="Picture").locator("canvas").last
    await expect(ben.page.get_by_text("Loading the picture")).to_be_hidden()
    await drawn(outlines, most=0)

    await ada.api.do("requestSegmentation", "{ batchId }", projectId=project)
    cells = ben.page.get_by_role("tab", name=re.compile(r"Cells \(\d+\)"))
    await expect(cells).to_be_visible(timeout=60_000)
    [edge] = (await ada.api.ask(IMAGES, id=project))["project"]["images"]["edges"]
    count = edge["node"]["segmentation"]["cellCount"]
    assert count > 50
    await expect(cells).to_have_text(f"Cells ({count})")
    await expect(ben.page.get_by_text(f"{count} cells outlined")).to_be_attached()
    lines = await drawn(outlines, least=5_000)

    await ben.page.get_by_role("application", name=f"Picture of {NUCLEI}").focus()
    await ben.page.keyboard.press("o")
    await drawn(outlines, most=0)
    await ben.page.keyboard.press("o")
    await drawn(outlines, least=lines // 2)
    share = ben.page.get_by_text(re.compile(r"^\d+ %$"))
    before = await share.text_content()
    await ben.page.keyboard.press("+")
    await expect(share).not_to_have_text(before or "")

    table = ben.page.get_by_role("grid", name="Cells")
    await expect(table).to_have_attribute("aria-rowcount", f"{count + 1}")
    await table.focus()
    await ben.page.keyboard.press("End")
    await expect(table.get_by_role("row", selected=True)).to_contain_text(f"{count}")
