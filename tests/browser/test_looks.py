"""How all pages look, light and dark, at a desk and on a phone; and that nobody is kept out."""

import os
import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Literal

import pytest
from msgspec import Struct
from playwright.async_api import Browser, ViewportSize, expect

from tests.browser.chromium import axe
from tests.browser.gallery import SAMPLES, sample, tile
from tests.browser.people import DESKTOP, PHONE, People, Person, made, people_at, shared
from tests.browser.sight import barriers, overhang, settled
from tests.faults.processes import HubProcess
from tests.worker.processes import WorkerProcess

Scheme = Literal["light", "dark"]

MANNERS: dict[str, tuple[Scheme, ViewportSize]] = {
    "light-desktop": ("light", DESKTOP),
    "light-phone": ("light", PHONE),
    "dark-desktop": ("dark", DESKTOP),
    "dark-phone": ("dark", PHONE),
}
# Parts of GraphiQL that are made so: its tabs have buttons in them.
OF_GRAPHIQL = (".graphiql-tab",)
_NUMBERS = """subscription($id: ID!) { projectUpdated(projectId: $id) { updates {
    segmentedCount noSegmentationCount failedCount } } }"""


class Scene(Struct, frozen=True):
    """A project with something of everything, and whose it is."""

    email: str
    project: str
    image: str
    failed: str


@pytest.fixture(scope="module")
async def scene(browser: Browser, hub: HubProcess, worker: WorkerProcess) -> AsyncIterator[Scene]:
    """The sample images: most segmented by the worker, one failed, and one that waits."""
    async with people_at(browser, hub.url) as people:
        ada, ben = await people.person("Ada"), await people.person("Ben")
        await made(ada, "An empty project")
        project = await made(ada, "Nuclei and tissue")
        await shared(ada, project, ben)
        files = [sample(path.name) for path in SAMPLES]
        images = (await ada.api.upload(project, *files))["images"]
        ids = {image["name"]: image["id"] for image in images}
        failed, waiting = ids.pop("microaneurysms.png"), ids.pop("retina.jpg")
        models = {"watershed": [*ids.values()], "picky": [failed], "nobody's": [waiting]}
        for model, chosen in models.items():
            request = {"projectId": project, "imageIds": chosen, "model": model}
            await ada.api.do("requestSegmentation", "{ batchId }", **request)
        async with ada.api.connected() as socket:
            numbers = socket.watch(_NUMBERS, id=project)
            await numbers.until(
                lambda told: told and sum(told[-1]["updates"].values()) == len(SAMPLES) - 1, 90
            )
        address = f"/projects/{project}"
        picture = f"{address}/images/{ids['nuclei-fluorescence.tif']}"
        yield Scene(ada.email, address, picture, f"{address}/images/{failed}")


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures of all pages go: the folder that SCREENSHOTS names, or one of pytest's."""
    named = os.environ.get("SCREENSHOTS")
    folder = Path(named).absolute() if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class Viewer:
    """Somebody who looks closely at each page."""

    def __init__(self, person: Person, folder: Path, manner: str) -> None:
        self.person = person
        self.page = person.page
        self.faults: dict[str, list[str]] = {}
        self._folder = folder
        self._manner = manner

    async def look(self, name: str, but: Sequence[str] = ()) -> None:
        """Take a picture of what is on the screen, and note what is wrong with it.

        ``but`` are selectors of what is not to be held against it.
        """
        await settled(self.page)
        path = self._folder / f"{name}-{self._manner}.png"
        await self.page.screenshot(path=path, animations="disabled")
        faults = await barriers(self.page, but)
        if beyond := await overhang(self.page):
            faults.append(f"{beyond} pixels too wide")
        if faults:
            self.faults[name] = faults

    async def press(self, name: str, role: Literal["button", "menuitem", "tab"] = "button") -> None:
        """Press something by its name."""
        await self.page.get_by_role(role, name=name).first.click()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("manner", MANNERS)
async def test_pages_look_as_they_should_and_keep_nobody_out(
    people: People, scene: Scene, pictures: Path, tmp_path: Path, manner: str
) -> None:
    scheme, size = MANNERS[manner]
    ada = await people.visitor(color_scheme=scheme, viewport=size)
    await ada.context.add_init_script(axe())
    viewer = Viewer(ada, pictures, manner)
    await _come_in(viewer, scene)
    await _see_the_project(viewer, scene, tmp_path)
    await _see_images(viewer, scene)
    await ada.open("/graphql")
    await expect(ada.page.get_by_text("Welcome.")).to_be_visible()
    await viewer.look("graphiql", but=OF_GRAPHIQL)
    assert viewer.faults == {}


async def test_the_theme_is_the_systems_until_one_is_chosen(people: People) -> None:
    ada = await people.visitor(color_scheme="dark")
    page = await ada.open("/sign-in")
    root = page.locator("html")
    await expect(root).to_have_attribute("data-mantine-color-scheme", "dark")
    await page.emulate_media(color_scheme="light")
    await expect(root).to_have_attribute("data-mantine-color-scheme", "light")
    await page.get_by_role("button", name="Use the dark theme").click()
    await expect(root).to_have_attribute("data-mantine-color-scheme", "dark")
    await page.reload()
    await expect(page.get_by_role("button", name="Use the light theme")).to_be_visible()
    await expect(root).to_have_attribute("data-mantine-color-scheme", "dark")


async def _come_in(viewer: Viewer, scene: Scene) -> None:
    page = await viewer.person.open("/sign-in")
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    await viewer.look("sign-in")
    await viewer.press("Create an account")
    await viewer.look("sign-up")
    await viewer.press("Sign in")
    await viewer.person.sign_in(scene.email)
    await expect(page.get_by_role("link", name="Nuclei and tissue")).to_be_visible()
    await viewer.look("dashboard")
    await viewer.press("New project")
    await expect(page.get_by_role("dialog", name="New project")).to_be_visible()
    await viewer.look("new-project")
    await page.keyboard.press("Escape")
    await viewer.press("Account of Ada")
    await viewer.press("API keys", "menuitem")
    await expect(page.get_by_text("There is no key yet.")).to_be_visible()
    await viewer.look("api-keys")


async def _see_the_project(viewer: Viewer, scene: Scene, folder: Path) -> None:
    page = await viewer.person.open(scene.project)
    await expect(tile(page, SAMPLES[0].name)).to_be_visible()
    await viewer.look("project")
    await viewer.press("Share")
    await expect(page.get_by_role("dialog", name="People in this project")).to_be_visible()
    await viewer.look("sharing")
    await page.keyboard.press("Escape")
    if page.viewport_size == PHONE:
        await page.get_by_role("button", name=re.compile(r"^Queue \(")).click()
        await expect(page.get_by_role("heading", name="Queue")).to_be_visible()
        await viewer.look("queue")
        await page.keyboard.press("Escape")
    await viewer.press("Segment all new")
    await expect(page.get_by_role("dialog", name="Segment all new images")).to_be_visible()
    await viewer.look("segmenting")
    await page.keyboard.press("Escape")
    await tile(page, SAMPLES[0].name).get_by_role("checkbox").click()
    await viewer.look("selection")
    await page.get_by_label("Images to upload").set_input_files(_notes(folder))
    await expect(page.get_by_text("1 rejected", exact=True)).to_be_visible()
    await viewer.look("uploads")


async def _see_images(viewer: Viewer, scene: Scene) -> None:
    page = await viewer.person.open(scene.image)
    await expect(page.get_by_text("cells outlined")).to_be_attached()
    await expect(page.get_by_role("grid", name="Cells")).to_be_visible()
    await viewer.look("image")
    await viewer.press("How outlines look")
    await viewer.look("image-outlines")
    await page.keyboard.press("Escape")
    await viewer.press("Run", "tab")
    await viewer.look("image-run")
    await viewer.press("Image", "tab")
    await viewer.look("image-file")
    await viewer.person.open(scene.failed)
    await expect(page.get_by_text("The segmentation failed")).to_be_visible()
    await viewer.look("image-failed")


def _notes(folder: Path) -> Path:
    path = folder / "notes.txt"
    path.write_text("Plate 7 was stained on Monday.")
    return path
