"""What is taken away from somebody who looks at it: projects, images, and rights."""

import pytest
from playwright.async_api import expect

from tests.browser.gallery import sample, tile
from tests.browser.people import People, Person, made, shared

PICTURE = "microaneurysms.png"


async def filled(owner: Person, member: Person, role: str = "VIEWER") -> tuple[str, str]:
    """Make a project with an image that two people see; return the ids of both."""
    project = await made(owner, "Plate 7")
    await shared(owner, project, member, role)
    payload = await owner.api.upload(project, sample(PICTURE))
    return project, payload["images"][0]["id"]


@pytest.mark.parametrize("at_image", [False, True], ids=["at the project", "at an image"])
async def test_who_is_shut_out_is_led_out_with_a_word(people: People, at_image: bool) -> None:
    ada, ben = await people.person("Ada"), await people.person("Ben")
    project, image = await filled(ada, ben)
    await ben.open(f"/projects/{project}" + (f"/images/{image}" if at_image else ""))
    await expect(ben.page.get_by_text("1 person here now: Ben")).to_be_attached()
    await ada.open(f"/projects/{project}")
    await ada.page.get_by_role("button", name="Share: 2 people in this project").click()
    dialog = ada.page.get_by_role("dialog", name="People in this project")
    await dialog.get_by_role("button", name="Remove Ben").click()
    await expect(ben.page.get_by_text("“Plate 7” is gone")).to_be_visible()
    await expect(ben.page.get_by_text("It is no longer shared with you.")).to_be_visible()
    await expect(ben.page).to_have_url(f"{ben.url}/")
    await expect(ben.page.get_by_role("heading", name="Begin with a project")).to_be_visible()
    await expect(dialog.get_by_text(ben.email)).to_be_hidden()
    await ben.page.go_back()
    await expect(ben.page.get_by_text("Plate 7", exact=True)).to_be_hidden()


async def test_a_project_that_is_deleted_is_left_by_all(people: People) -> None:
    ada, ben = await people.person("Ada"), await people.person("Ben")
    project, _ = await filled(ada, ben)
    await ben.open(f"/projects/{project}")
    await expect(tile(ben.page, PICTURE)).to_be_visible()
    await ada.open(f"/projects/{project}")
    await ada.page.get_by_role("button", name="More about the project").click()
    await ada.page.get_by_role("menuitem", name="Delete the project").click()
    dialog = ada.page.get_by_role("dialog", name="Delete the project")
    confirm = dialog.get_by_role("button", name="Delete the project")
    await expect(confirm).to_be_disabled()
    await dialog.get_by_label("to confirm").fill("Plate 7")
    await confirm.click()
    for person in (ada, ben):
        await expect(person.page.get_by_text("It was deleted.")).to_be_visible()
        await expect(person.page).to_have_url(f"{person.url}/")


async def test_images_that_are_deleted_go_from_the_gallery_and_from_under_the_eyes(
    people: People,
) -> None:
    ada, ben = await people.person("Ada"), await people.person("Ben")
    project, image = await filled(ada, ben)
    await ada.api.upload(project, sample("cell.png"))
    await ben.open(f"/projects/{project}/images/{image}")
    gallery = await ben.new_tab(f"/projects/{project}")
    await expect(tile(gallery, PICTURE)).to_be_visible()
    await ada.open(f"/projects/{project}")
    await tile(ada.page, PICTURE).get_by_role("checkbox").click()
    selected = ada.page.get_by_role("region", name="Selected images")
    await selected.get_by_role("button", name="Delete").click()
    dialog = ada.page.get_by_role("dialog", name="Delete 1 image")
    await dialog.get_by_role("button", name="Delete 1 image").click()
    await expect(ben.page.get_by_text(f"“{PICTURE}” is gone")).to_be_visible()
    await expect(ben.page).to_have_url(f"{ben.url}/projects/{project}")
    for page in (ada.page, ben.page, gallery):
        await expect(tile(page, PICTURE)).to_have_count(0)
        await expect(tile(page, "cell.png")).to_be_visible()
    await expect(gallery.get_by_role("button", name="All 1")).to_be_visible()


async def test_roles_and_names_change_before_the_eyes(people: People) -> None:
    ada, ben = await people.person("Ada"), await people.person("Ben")
    project, _ = await filled(ada, ben)
    await ben.open(f"/projects/{project}")
    await expect(tile(ben.page, PICTURE)).to_be_visible()
    upload = ben.page.get_by_role("button", name="Upload")
    await expect(upload).to_be_hidden()
    await expect(tile(ben.page, PICTURE).get_by_role("checkbox")).to_have_count(0)

    await ada.open(f"/projects/{project}")
    await ada.page.get_by_role("button", name="Share:").click()
    await ada.page.get_by_label("Role of Ben").select_option("Editor")
    await expect(upload).to_be_visible()
    await expect(tile(ben.page, PICTURE).get_by_role("checkbox")).to_have_count(1)
    await ada.page.get_by_label("Role of Ben").select_option("Viewer")
    await expect(upload).to_be_hidden()
    await ada.page.keyboard.press("Escape")

    await ada.page.get_by_role("button", name="More about the project").click()
    await ada.page.get_by_role("menuitem", name="Name and description").click()
    dialog = ada.page.get_by_role("dialog", name="Name and description")
    await dialog.get_by_label("Name").fill("Plate 8")
    await dialog.get_by_label("Description").fill("Stained on Monday.")
    await dialog.get_by_role("button", name="Save").click()
    for person in (ada, ben):
        await expect(person.page.get_by_role("heading", name="Plate 8", level=1)).to_be_visible()
        await expect(person.page.locator("#main").get_by_text("Stained on Monday.")).to_be_visible()
        await expect(person.page).to_have_title("Plate 8 · Cell Segmentation Hub")
