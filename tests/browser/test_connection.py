"""The connection: pages say when it is lost, mend it, and ask for nothing while it holds."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.gallery import SAMPLES, sample, tile
from tests.browser.people import People, made, people_at
from tests.faults.processes import HubProcess, hubs
from tests.faults.servers import Postgres
from tests.live.pictures import png

IDLE_SECONDS = 6.0
# What the browser itself says of a hub that is not there.
AWAY = r"ERR_(CONNECTION|EMPTY|INCOMPLETE|NETWORK|SOCKET)_|WebSocket"


@pytest.fixture(scope="module")
async def pair(folder: Path, postgres: Postgres) -> AsyncIterator[Sequence[HubProcess]]:
    """Two hubs on one database, that the test may end and start."""
    async with hubs(folder, postgres.url, postgres.broker_url, count=2) as running:
        yield running


async def test_a_hub_that_dies_is_waited_for_and_nothing_of_meanwhile_is_missed(
    browser: Browser, pair: Sequence[HubProcess]
) -> None:
    mortal, other = pair
    async with people_at(browser, mortal.url) as people, people_at(browser, other.url) as elsewhere:
        ada = await people.person("Ada")
        ada.witness.excuse(AWAY)
        api = await elsewhere.api_of(ada)
        project = await made(ada, "Plate 7")
        first = (await api.upload(project, ("0.png", png(0, side=8)), sample("cell.png")))["images"]
        dashboard = ada.page
        gallery = await ada.new_tab(f"/projects/{project}")
        picture = await ada.new_tab(f"/projects/{project}/images/{first[1]['id']}")
        await expect(tile(gallery, "0.png")).to_be_visible()
        await expect(picture.get_by_role("heading", name="cell.png")).to_be_visible()

        await mortal.kill()
        await api.do("deleteImages", "{ deletedIds }", imageIds=[first[0]["id"]])
        await api.upload(project, *[(f"{i}.png", png(i, side=8)) for i in (1, 2, 3)])
        await api.do("updateProject", "{ project { id } }", projectId=project, name="Plate 8")
        change = {"imageId": first[1]["id"], "status": "QUEUED"}
        await api.do("setSegmentationStatus", "{ image { id } }", **change)
        for page in (dashboard, gallery, picture):
            await expect(page.get_by_text("Connecting again. As of")).to_be_visible()
        await expect(tile(gallery, "0.png")).to_be_visible()

        await mortal.start()
        for page in (dashboard, gallery, picture):
            await expect(page.get_by_text("Live", exact=True)).to_be_visible(timeout=30_000)
        await expect(tile(gallery, "0.png")).to_have_count(0)
        for name in ("1.png", "2.png", "3.png"):
            await expect(tile(gallery, name)).to_contain_text("New")
        await expect(tile(gallery, "cell.png")).to_contain_text("Queued")
        for chip in ("All 4", "New 3", "Queued 1"):
            await expect(gallery.get_by_role("button", name=chip)).to_be_visible()
        await expect(gallery.get_by_role("heading", name="Plate 8", level=1)).to_be_visible()
        await expect(picture.get_by_text("Queued", exact=True)).to_be_visible()
        card = dashboard.get_by_role("listitem").filter(has_text="Plate 8")
        await expect(card.get_by_role("img", name="3 new, 1 queued")).to_be_visible()
        await expect(dashboard.locator('[data-metric="Images"]')).to_have_text("4")


async def test_who_was_shut_out_while_the_connection_was_lost_is_led_out(
    browser: Browser, pair: Sequence[HubProcess]
) -> None:
    mortal, other = pair
    async with people_at(browser, mortal.url) as people, people_at(browser, other.url) as elsewhere:
        ada, ben = await people.person("Ada"), await people.person("Ben")
        ben.witness.excuse(AWAY)
        ada.witness.excuse(AWAY)
        api = await elsewhere.api_of(ada)
        project = await made(ada, "Plate 7")
        share = {"projectId": project, "email": ben.email, "role": "VIEWER"}
        await api.do("shareProject", "{ project { id } }", **share)
        await ben.open(f"/projects/{project}")
        await expect(ben.page.get_by_role("heading", name="Plate 7", level=1)).to_be_visible()
        await mortal.kill()
        await api.do("revokeAccess", "{ project { id } }", projectId=project, userId=ben.api.id)
        await mortal.start()
        await expect(ben.page.get_by_text("“Plate 7” is gone")).to_be_visible(timeout=30_000)
        await expect(ben.page).to_have_url(f"{ben.url}/")


async def test_pages_that_nothing_happens_on_ask_for_nothing(people: People) -> None:
    ada = await people.person("Ada")
    project = await made(ada, "Plate 7")
    [image] = (await ada.api.upload(project, sample("cell.png")))["images"]
    gallery = await ada.new_tab(f"/projects/{project}")
    picture = await ada.new_tab(f"/projects/{project}/images/{image['id']}")
    await expect(tile(gallery, "cell.png")).to_be_visible()
    await expect(picture.get_by_text("Loading the picture")).to_be_hidden()
    for page in (ada.page, gallery, picture):
        await page.wait_for_load_state("networkidle")
    before = len(ada.witness.requests)
    await asyncio.sleep(IDLE_SECONDS)
    # Parts that may be needed while the hub is away are loaded ahead, once.
    asked = [request.url for request in ada.witness.requests[before:]]
    assert [url for url in asked if "/assets/" not in url] == []
    assert len(ada.witness.sockets) == 3


async def test_a_page_stays_while_the_hub_is_away_and_keeps_the_files_that_it_was_given(
    browser: Browser, pair: Sequence[HubProcess]
) -> None:
    mortal, _ = pair
    async with people_at(browser, mortal.url) as people:
        ada = await people.person("Ada")
        ada.witness.excuse(AWAY)
        path = f"/projects/{await made(ada, 'Plate 7')}"
        gallery, other = await ada.context.new_page(), await ada.new_tab(path)
        async with gallery.expect_response(re.compile(r"/assets/upload-tray.*\.js$")):
            await gallery.goto(f"{ada.url}{path}")
        for page in (gallery, other):
            await expect(page.get_by_text("Live", exact=True)).to_be_visible()

        await mortal.kill()
        for page in (gallery, other):
            await expect(page.get_by_text("Connecting again. As of")).to_be_visible()
        await gallery.get_by_label("Images to upload").set_input_files(SAMPLES[0])
        await expect(gallery.get_by_text("Uploading 1 of 1")).to_be_visible()
        # What shows keys was not loaded yet, and can't be now.
        async with other.expect_event("requestfailed", lambda each: "api-keys" in each.url):
            await other.get_by_role("button", name="Account of Ada").click()
            await other.get_by_role("menuitem", name="API keys").click()
        await expect(other.get_by_role("heading", name="Plate 7")).to_be_visible()

        await mortal.start()
        for page in (gallery, other):
            await expect(tile(page, SAMPLES[0].name)).to_be_visible(timeout=30_000)
