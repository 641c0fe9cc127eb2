"""GraphiQL, as people use it: its tabs, its editors, and what it answers."""

import json
from typing import Any

from playwright.async_api import Page, expect

from tests.browser.people import PASSWORD

_EDITOR = "__MONACO.editor.getModels().find(({ uri }) => uri.path.endsWith(%r))"
_NAMES = {
    "operation": "operation.graphql",
    "variables": "variables.json",
    "headers": "request-headers.json",
    "result": "response.json",
}


class Explorer:
    """GraphiQL in a tab of a browser."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def open(self, url: str) -> "Explorer":
        """Open it, and wait until the schema is there."""
        async with self.page.expect_response(lambda answer: answer.request.method == "POST"):
            await self.page.goto(f"{url}/graphql")
        await expect(self.page.locator(".graphiql-query-editor .view-line").first).to_be_visible()
        return self

    async def sign_up(self, name: str, email: str) -> None:
        """Create an account in the panel that is shown to whom is not signed in."""
        await self.page.get_by_role("button", name="New here?").click()
        await self.page.get_by_label("Name").fill(name)
        await self.page.get_by_label("E-mail").fill(email)
        await self.page.get_by_label("Password").fill(PASSWORD)
        await self.page.get_by_role("button", name="Create the account").click()
        await expect(self.page.get_by_text("The token is good until")).to_be_visible()

    async def tab(self, title: str) -> None:
        """Show another tab."""
        await self.page.locator(f'button[title="{title}"]').click()

    async def text(self, editor: str) -> str:
        """Return what an editor has: operation, variables, headers or result."""
        text: str = await self.page.evaluate(f"{_EDITOR % _NAMES[editor]}.getValue()")
        return text

    async def write(self, editor: str, text: str) -> None:
        """Replace what an editor has."""
        setting = f"text => {_EDITOR % _NAMES[editor]}.setValue(text)"
        await self.page.evaluate(setting, text)

    async def until(self, editor: str, part: str) -> str:
        """Wait until an editor has this in its text; return the text."""
        having = f"part => {_EDITOR % _NAMES[editor]}.getValue().includes(part)"
        await self.page.wait_for_function(having, arg=part)
        return await self.text(editor)

    async def authorization(self, other_than: str = "") -> str:
        """Wait until the headers have an Authorization, and another one than that; return it."""
        found = "JSON.parse(%s.getValue() || '{}').Authorization" % (_EDITOR % _NAMES["headers"])
        other = f"other => {found} && {found} !== other"
        await self.page.wait_for_function(other, arg=other_than)
        authorization: str = await self.page.evaluate(found)
        return authorization

    async def start(self, name: str | None = None) -> None:
        """Run the operation; of several, the one with this name. What runs already is ended."""
        button = self.page.locator(".graphiql-execute-button")
        # It reads a document a moment after it was written; of several operations it has a menu.
        if name:
            await expect(button).to_have_attribute("aria-haspopup", "menu")
            await button.click()
            await self.page.get_by_role("menuitem", name=name, exact=True).click()
        else:
            await expect(button).not_to_have_attribute("aria-haspopup", "menu")
            await button.click()

    async def run(self, part: str, name: str | None = None) -> Any:
        """Run the operation; return the result once this is in it."""
        await self.write("result", "")
        await self.start(name)
        return json.loads(await self.until("result", part))
