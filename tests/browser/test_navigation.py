"""Ways through the pages: back and forth, to what is not there, and with one connection."""

from playwright.async_api import expect

from tests.browser.gallery import tile
from tests.browser.people import People, made
from tests.live.pictures import png


async def test_pages_change_over_one_connection(people: People) -> None:
    ada = await people.person("Ada")
    await made(ada, "Plate 7")
    await ada.page.get_by_role("link", name="Plate 7").click()
    await expect(ada.page.get_by_role("heading", name="Drop your images here")).to_be_visible()
    await ada.page.go_back()
    await expect(ada.page.get_by_role("heading", name="Projects")).to_be_visible()
    await ada.page.go_forward()
    await expect(ada.page.get_by_role("heading", name="Drop your images here")).to_be_visible()
    await expect(ada.page.get_by_text("Live", exact=True)).to_be_visible()
    assert len(ada.witness.sockets) == 1


async def test_what_is_not_there_is_said_and_leads_back(people: People) -> None:
    ada = await people.person("Ada")
    ada.witness.excuse("status of 404")
    project = await made(ada, "Plate 7")
    for path, words in (
        ("/nowhere", "There is no such page"),
        ("/projects/prj_00000000000000000000000000000000", "There is no such project"),
        (f"/projects/{project}/images/img_00000000000000000000000000000000", "no such image"),
    ):
        await ada.open(path)
        await expect(ada.page.get_by_role("heading", name=words)).to_be_visible()
        await expect(ada.page.get_by_text("Connecting again")).to_be_hidden()
        await ada.page.get_by_role("link", name="All projects").click()
        await expect(ada.page.get_by_role("heading", name="Projects")).to_be_visible()


async def test_one_goes_through_the_images_that_the_gallery_shows(people: People) -> None:
    ada = await people.person("Ada")
    project = await made(ada, "Plate 7")
    for i in range(5):
        await ada.api.upload(project, (f"{'cell' if i % 2 == 0 else 'blank'}-{i}.png", png(i)))
    page = await ada.open(f"/projects/{project}?search=cell")
    await tile(page, "cell-2.png").click()
    for button, name in (
        ("Previous", "cell-4.png"),
        ("Next", "cell-2.png"),
        ("Next", "cell-0.png"),
    ):
        await page.get_by_role("button", name=f"{button} image").click()
        await expect(page.get_by_role("heading", name=name)).to_be_visible()
    await expect(page.get_by_role("button", name="Next image")).to_be_disabled()
