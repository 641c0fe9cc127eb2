"""People with browsers of their own."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
from playwright.async_api import Browser, Page, ViewportSize, expect

from tests import hubs
from tests.browser.witness import Witness

PASSWORD = hubs.PASSWORD
PATIENCE_MILLISECONDS = 15_000
DESKTOP = ViewportSize(width=1280, height=800)
PHONE = ViewportSize(width=390, height=844)

expect.set_options(timeout=PATIENCE_MILLISECONDS)


class Person:
    """Somebody at a browser: ``page`` is the first tab.

    ``api`` are calls as the same person, past the browser; nobody's before there is an account.
    """

    def __init__(self, name: str, api: hubs.Person, page: Page, witness: Witness) -> None:
        self.name = name
        self.email = ""
        self.api = api
        self.page = page
        self.context = page.context
        self.witness = witness
        self.url = witness.url

    async def sign_up(self, email: str) -> None:
        """Create an account on the page, and come to the dashboard."""
        self.email = email
        await self.page.goto(f"{self.url}/sign-in")
        await self.page.get_by_role("button", name="Create an account").click()
        await self.page.get_by_label("Name").fill(self.name)
        await self.fill_in(email, PASSWORD)
        await self.page.get_by_role("button", name="Create the account").click()
        await expect(self.page.get_by_role("heading", name="Projects")).to_be_visible()

    async def fill_in(self, email: str, password: str) -> None:
        """Give the credentials, and send nothing yet."""
        await self.page.get_by_label("E-mail").fill(email)
        await self.page.get_by_role("textbox", name="Password").fill(password)

    async def sign_in(self, email: str, password: str = PASSWORD) -> None:
        """Sign in on the page that is open."""
        await self.fill_in(email, password)
        await self.page.get_by_role("button", name="Sign in").click()

    async def open(self, path: str) -> Page:
        """Open an address of the hub in the first tab."""
        await self.page.goto(f"{self.url}{path}")
        return self.page

    async def new_tab(self, path: str) -> Page:
        """Open an address of the hub in another tab."""
        page = await self.context.new_page()
        await page.goto(f"{self.url}{path}")
        return page


class People:
    """Those who are at their browsers during a test."""

    def __init__(self, browser: Browser, url: str, http: httpx.AsyncClient) -> None:
        self._browser = browser
        self._hub = hubs.Hub(url, http)
        self._there: list[Person] = []
        self._open = AsyncExitStack()

    async def visitor(self, name: str = "Nobody", **options: Any) -> Person:
        """Return somebody with a fresh browser, who has no account yet."""
        context = await self._browser.new_context(**{"viewport": DESKTOP} | options)
        self._open.push_async_callback(context.close)
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        witness = Witness(self._hub.url)
        await witness.attend(context)
        person = Person(name, self._hub.nobody(), await context.new_page(), witness)
        self._there.append(person)
        return person

    async def person(self, name: str, **options: Any) -> Person:
        """Return somebody who has just signed up, and looks at the dashboard."""
        person = await self.visitor(name, **options)
        await person.sign_up(f"{name.lower()}-{uuid4().hex[:8]}@example.org")
        person.api = await self.api_of(person)
        return person

    async def api_of(self, person: Person) -> hubs.Person:
        """Return calls as somebody who has an account, with a session of their own."""
        api = self._hub.nobody()
        credentials = {"email": person.email, "password": PASSWORD}
        api.take(await api.do("signIn", hubs.SESSION, **credentials))
        return api

    async def ask(self, query: str, *, key: str | None) -> dict[str, Any]:
        """Send a query as a program that has a key; return the whole answer."""
        program = self._hub.nobody()
        program._token = key or ""
        return await program.post(query)

    async def leave(self) -> None:
        """Close all browsers."""
        await self._open.aclose()

    def faults(self) -> dict[str, list[str]]:
        """Return what pages did wrong, by whose they were."""
        return {each.name: each.witness.faults for each in self._there if each.witness.faults}


@asynccontextmanager
async def people_at(browser: Browser, url: str) -> AsyncIterator[People]:
    """Let people come within the block; in the end no page of theirs did what it should not."""
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:
        people = People(browser, url, http)
        try:
            yield people
        finally:
            await people.leave()
        assert not (faults := people.faults()), faults


async def made(person: Person, name: str) -> str:
    """Have somebody make a project past the browser; return its id."""
    payload = await person.api.do("createProject", "{ project { id } }", name=name)
    project: str = payload["project"]["id"]
    return project


async def shared(owner: Person, project: str, member: Person, role: str = "VIEWER") -> None:
    """Have the owner let somebody in, past the browser."""
    await owner.api.do(
        "shareProject", "{ project { id } }", projectId=project, email=member.email, role=role
    )
