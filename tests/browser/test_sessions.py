"""Sessions: how people come in, and how they are led out."""

import json
from pathlib import Path

from playwright.async_api import Browser, expect

from tests.browser.people import PASSWORD, People, people_at
from tests.faults.processes import hubs
from tests.faults.servers import Postgres

_REFRESH_TOKEN = "JSON.parse(localStorage.getItem('cellhub.session')).refreshToken"
_NOTE_WHEN_LOST = """() => {
    window.lost = [];
    const note = () => {
        const words = document.querySelector("header [role=status]").textContent;
        if (/again/.test(words)) window.lost.push(words);
    };
    new MutationObserver(note).observe(document.body, { childList: true, subtree: true });
}"""


async def test_who_signs_up_is_in_and_who_signs_out_is_out(people: People) -> None:
    ada = await people.person("Ada")
    await ada.page.get_by_role("button", name="Account of Ada").click()
    await ada.page.get_by_role("menuitem", name="Sign out").click()
    await expect(ada.page.get_by_role("heading", name="Sign in")).to_be_visible()
    await ada.open("/")
    await expect(ada.page).to_have_url(f"{ada.url}/sign-in")
    await ada.sign_in(ada.email)
    await expect(ada.page.get_by_role("heading", name="Projects")).to_be_visible()


async def test_a_wrong_password_is_said_and_can_be_mended(people: People) -> None:
    ada, ben = await people.person("Ada"), await people.visitor()
    await ben.open("/sign-in")
    await ben.sign_in(ada.email, "another one than that")
    await expect(ben.page.get_by_role("alert")).to_contain_text("password")
    await ben.sign_in(ada.email, PASSWORD)
    await expect(ben.page.get_by_role("heading", name="Projects")).to_be_visible()


async def test_an_address_taken_already_is_said_and_nothing_is_lost_of_the_form(
    people: People,
) -> None:
    ada, ben = await people.person("Ada"), await people.visitor()
    await ben.open("/sign-in")
    await ben.page.get_by_role("button", name="Create an account").click()
    await ben.page.get_by_label("Name").fill("Ben")
    await ben.fill_in(ada.email, PASSWORD)
    await ben.page.get_by_role("button", name="Create the account").click()
    await expect(ben.page.get_by_role("alert")).to_be_visible()
    await expect(ben.page.get_by_label("Name")).to_have_value("Ben")


async def test_a_link_leads_there_by_way_of_the_sign_in(people: People) -> None:
    ada, ben = await people.person("Ada"), await people.visitor()
    created = await ada.api.do("createProject", "{ project { id } }", name="Plate 7")
    path = f"/projects/{created['project']['id']}"
    await ben.open(path)
    await expect(ben.page.get_by_role("heading", name="Sign in")).to_be_visible()
    await ben.sign_in(ada.email)
    await expect(ben.page).to_have_url(f"{ben.url}{path}")
    await expect(ben.page.get_by_role("heading", name="Plate 7", level=1)).to_be_visible()


async def test_a_link_does_not_lead_out_of_the_hub(people: People) -> None:
    ada, ben = await people.person("Ada"), await people.visitor()
    await ben.open("/sign-in?next=//example.org/%5Cexample.org")
    await ben.sign_in(ada.email)
    await expect(ben.page).to_have_url(f"{ben.url}/")


async def test_who_signs_out_in_one_tab_is_told_so_in_the_other(people: People) -> None:
    ada = await people.person("Ada")
    other = await ada.new_tab("/")
    await expect(other.get_by_role("heading", name="Projects")).to_be_visible()
    await other.get_by_role("button", name="Account of Ada").click()
    await other.get_by_role("menuitem", name="Sign out").click()
    await expect(ada.page.get_by_role("heading", name="Sign in")).to_be_visible()
    await expect(ada.page.get_by_text("Your session has ended")).to_be_visible()
    await expect(other.get_by_text("Your session has ended")).to_be_hidden()


async def test_whose_session_is_ended_from_elsewhere_is_led_out_with_a_word(
    people: People,
) -> None:
    ada = await people.person("Ada")
    token = await ada.page.evaluate(_REFRESH_TOKEN)
    await ada.api.do("signOut", "", refreshToken=token)
    await expect(ada.page.get_by_text("Your session has ended")).to_be_visible()
    await ada.sign_in(ada.email)
    await expect(ada.page.get_by_role("heading", name="Projects")).to_be_visible()


async def test_nobody_notices_that_tokens_expire_in_two_tabs(
    browser: Browser, folder: Path, postgres: Postgres
) -> None:
    async with (
        hubs(folder, postgres.url, postgres.broker_url, access_token_seconds=3) as [hub],
        people_at(browser, hub.url) as people,
    ):
        ada = await people.person("Ada")
        other = await ada.new_tab("/")
        for page in (ada.page, other):
            await expect(page.get_by_text("Live", exact=True)).to_be_visible()
            await page.evaluate(_NOTE_WHEN_LOST)
        for _ in range(2):
            async with ada.page.expect_websocket(), other.expect_websocket():
                pass
        api = await people.api_of(ada)
        await api.do("createProject", "{ project { id } }", name="Plate 7")
        for page in (ada.page, other):
            await expect(page.get_by_role("link", name="Plate 7")).to_be_visible()
            assert await page.evaluate("lost") == []
        used = [
            json.loads(sent)["variables"]["input"]["refreshToken"]
            for request in ada.witness.requests
            if "mutation Refresh(" in (sent := request.post_data or "")
        ]
        assert len(used) == len(set(used)) >= 2
