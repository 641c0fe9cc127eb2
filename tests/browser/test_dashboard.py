"""The dashboard: projects and numbers come, change and go while people look at it."""

from playwright.async_api import Locator, Page, expect

from tests.browser.people import People, made, shared
from tests.live.pictures import png

_VIEWER = "{ viewer { email } }"


def metric(page: Page, label: str) -> Locator:
    """Return where a number of all projects is."""
    return page.locator(f'[data-metric="{label}"]')


async def test_a_project_is_made_with_the_keyboard_alone(people: People) -> None:
    ada = await people.person("Ada")
    keyboard = ada.page.keyboard
    await ada.page.get_by_role("button", name="New project").focus()
    await keyboard.press("Enter")
    await expect(ada.page.get_by_role("textbox", name="Name")).to_be_focused()
    await keyboard.type("Plate 7")
    await keyboard.press("Enter")
    await expect(ada.page.get_by_role("heading", name="Plate 7", level=1)).to_be_visible()
    await ada.page.get_by_role("link", name="Cell Segmentation Hub").click()
    await expect(ada.page.get_by_role("link", name="Plate 7")).to_be_visible()


async def test_a_project_comes_changes_and_goes_before_the_eyes_of_a_member(
    people: People,
) -> None:
    ada, ben = await people.person("Ada"), await people.person("Ben")
    project = await made(ada, "Plate 7")
    card = ben.page.get_by_role("listitem").filter(has_text="Plate 7")
    await expect(metric(ben.page, "Images")).to_have_text("0")
    await shared(ada, project, ben)
    await expect(card).to_contain_text("Shared by Ada")

    await ada.api.upload(project, *[(f"{i}.png", png(i, side=8)) for i in range(3)])
    await expect(card).to_contain_text("3 images · 0 % done")
    await expect(card.get_by_role("img", name="3 new")).to_be_visible()
    await expect(card.locator("img")).to_have_count(3)
    await expect(metric(ben.page, "Images")).to_have_text("3")

    await ada.open(f"/projects/{project}")
    await expect(card.get_by_text("1 person here now: Ada")).to_be_attached()
    await ada.open("/")
    await expect(card.get_by_text("here now")).not_to_be_attached()

    await ada.api.do("updateProject", "{ project { id } }", projectId=project, name="Plate 8")
    await expect(ben.page.get_by_role("link", name="Plate 8")).to_be_visible()

    await ada.api.do("revokeAccess", "{ project { id } }", projectId=project, userId=ben.api.id)
    await expect(ben.page.get_by_text("It is no longer shared with you.")).to_be_visible()
    await expect(ben.page.get_by_role("link", name="Plate 8")).to_be_hidden()
    await expect(metric(ben.page, "Images")).to_have_text("0")

    await shared(ada, project, ben)
    await expect(ben.page.get_by_role("link", name="Plate 8")).to_be_visible()
    await ada.api.do("deleteProject", "{ projectId }", projectId=project)
    await expect(ben.page.get_by_text("It was deleted.")).to_be_visible()
    await expect(ben.page.get_by_role("link", name="Plate 8")).to_be_hidden()


async def test_projects_are_found_by_name_and_read_on_while_one_scrolls(people: People) -> None:
    ada = await people.person("Ada")
    for number in range(60):
        await made(ada, f"Plate {number:02}")
    links = ada.page.get_by_role("link", name="Plate")
    await ada.page.reload()
    await expect(links).to_have_count(48)
    await links.last.scroll_into_view_if_needed()
    await expect(links).to_have_count(60)
    names = await links.all_text_contents()
    assert [name.strip() for name in names] == [f"Plate {i:02}" for i in reversed(range(60))]
    await ada.page.get_by_label("Search projects by name").fill("5")
    await expect(links).to_have_count(15)
    await ada.page.get_by_label("Search projects by name").fill("nothing")
    await expect(ada.page.get_by_text("No project has “nothing” in its name.")).to_be_visible()


async def test_keys_are_made_shown_once_and_revoked(people: People) -> None:
    ada = await people.person("Ada")
    await ada.page.get_by_role("button", name="Account of Ada").click()
    await ada.page.get_by_role("menuitem", name="API keys").click()
    dialog = ada.page.get_by_role("dialog", name="API keys")
    await dialog.get_by_label("What the key is for").fill("microscope")
    await dialog.get_by_role("button", name="Create a key").click()
    secret = await dialog.locator("pre").text_content()
    answer = await people.ask(_VIEWER, key=secret)
    assert answer["data"]["viewer"]["email"] == ada.email
    await dialog.get_by_role("button", name="Revoke microscope").click()
    await expect(dialog.get_by_text("There is no key yet.")).to_be_visible()
    answer = await people.ask(_VIEWER, key=secret)
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
