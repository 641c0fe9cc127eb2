"""Pages by keyboard alone, and without motion for those who ask for that."""

import re

from playwright.async_api import Page, expect

from tests.browser.gallery import sample, tile
from tests.browser.people import People, made

_IS_SEEN = """(at) => [null, "::after"].some((part) => {
    const { outlineStyle, boxShadow } = getComputedStyle(at, part);
    return outlineStyle !== "none" || boxShadow !== "none";
}) || at.matches("input, select, textarea")"""
_MOVING = """() => [...document.querySelectorAll("*")].filter((each) => {
    const { animationName, animationDuration, transitionDuration } = getComputedStyle(each);
    const longest = (text) => Math.max(...text.split(",").map(parseFloat));
    return (animationName !== "none" && longest(animationDuration) > 0.001)
        || longest(transitionDuration) > 0.001;
}).map((each) => each.outerHTML.slice(0, 120))"""


async def tabbed(page: Page, presses: int) -> list[str]:
    """Press the Tab key so often; return what had the focus, by role and name. It is seen."""
    names = []
    for _ in range(presses):
        await page.keyboard.press("Tab")
        focused = page.locator(":focus")
        [name, *_] = (await focused.aria_snapshot()).splitlines()
        assert await focused.evaluate(_IS_SEEN), f"nobody sees that the focus is on {name}"
        names.append(name.removeprefix("- "))
    return names


async def test_the_tab_key_leads_to_all_of_importance(people: People) -> None:
    ada = await people.person("Ada")
    project = await made(ada, "Plate 7")
    await ada.api.upload(project, sample("cell.png"), sample("tissue-he.jpg"))
    page = await ada.open("/")
    await expect(page.get_by_role("link", name="Plate 7")).to_be_visible()
    names = await tabbed(page, 7)
    assert [re.sub(":$", "", name) for name in names] == [
        'link "Skip to the content"',
        'link "Cell Segmentation Hub"',
        'button "Use the dark theme"',
        'button "Account of Ada"',
        'searchbox "Search projects by name"',
        'button "New project"',
        'link "Plate 7"',
    ]

    await page.keyboard.press("Enter")
    await expect(tile(page, "cell.png")).to_be_visible()
    await expect(page.get_by_role("main")).to_be_focused()
    names = await tabbed(page, 14)
    reached = " ".join(names)
    for wanted in ("More about", "Share", "Upload", "All 2", "Failed 0", "Search", "Segment all"):
        assert wanted in reached, names
    grid = page.get_by_role("grid", name="Images")
    await grid.get_by_role("link").first.focus()
    await page.keyboard.press("ArrowRight")
    await expect(tile(page, "cell.png").get_by_role("link")).to_be_focused()
    await page.keyboard.press("Space")
    await expect(page.get_by_text("1 selected")).to_be_visible()
    await page.keyboard.press("Control+a")
    await expect(page.get_by_text("2 selected")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="cell.png")).to_be_visible()


async def test_one_skips_to_the_content(people: People) -> None:
    ada = await people.person("Ada")
    page = await ada.open("/")
    await expect(page.get_by_role("heading", name="Projects")).to_be_visible()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    await page.keyboard.press("Enter")
    assert await tabbed(page, 1) == ['searchbox "Search projects by name"']


async def test_dialogs_keep_the_focus_and_give_it_back(people: People) -> None:
    ada = await people.person("Ada")
    project = await made(ada, "Plate 7")
    await ada.api.upload(project, sample("cell.png"))
    page = await ada.open(f"/projects/{project}")
    dialogs = {"Share: 1 person": "People in this project", "Segment all new": "Segment all new"}
    # The second time what it is made of is there already.
    for button, title in [*dialogs.items()] * 2:
        opener = page.get_by_role("button", name=button)
        await opener.focus()
        await page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog", name=title)
        await expect(dialog).to_be_visible()
        await expect(dialog.get_by_role("textbox").first).to_be_visible()
        for _ in range(12):
            await page.keyboard.press("Tab")
            assert await dialog.evaluate("(it) => it.contains(document.activeElement)")
        await page.keyboard.press("Escape")
        await expect(dialog).to_be_hidden()
        await expect(opener).to_be_focused()


async def test_who_wants_no_motion_gets_none(people: People) -> None:
    ada = await people.person("Ada", reduced_motion="reduce")
    project = await made(ada, "Plate 7")
    [image] = (await ada.api.upload(project, sample("cell.png")))["images"]
    for status in ("QUEUED", "PROCESSING"):
        change = {"imageId": image["id"], "status": status}
        await ada.api.do("setSegmentationStatus", "{ image { id } }", **change)
    assert await ada.page.evaluate(_MOVING) == []
    page = await ada.open(f"/projects/{project}")
    await expect(tile(page, "cell.png")).to_contain_text("Running")
    assert await page.evaluate(_MOVING) == []
    await page.get_by_role("button", name="Share:").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    assert await page.evaluate(_MOVING) == []
