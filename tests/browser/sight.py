"""What is on a page: all that it showed over a time, and what keeps people from using it."""

from typing import Any

from playwright.async_api import Page

_RECORD = """() => {
    const look = %s;
    const shown = [];
    const note = () => {
        const now = JSON.stringify(look());
        if (now !== shown.at(-1)) shown.push(now);
    };
    note();
    const changes = { attributes: true, characterData: true, childList: true, subtree: true };
    new MutationObserver(note).observe(document.body, changes);
    (window.recordings ??= {})["%s"] = shown;
}"""


async def record(page: Page, name: str, look: str) -> None:
    """Have a page note what a function finds on it, from now on, each time that it is another."""
    await page.evaluate(_RECORD % (look, name))


async def recorded(page: Page, name: str) -> list[Any]:
    """Return what was noted, the first first."""
    shown: list[Any] = await page.evaluate("(name) => recordings[name].map(JSON.parse)", name)
    return shown


async def barriers(page: Page) -> list[str]:
    """Return what axe-core finds of serious and critical faults, axe being in the page."""
    results = await page.evaluate("axe.run({ resultTypes: ['violations'] })")
    return [
        f"{fault['id']}: {fault['help']}: {[node['html'] for node in fault['nodes']][:3]}"
        for fault in results["violations"]
        if fault["impact"] in ("serious", "critical")
    ]


async def overhang(page: Page) -> int:
    """Return by how many pixels a page is wider than what shows it."""
    return int(
        await page.evaluate("document.documentElement.scrollWidth - document.body.clientWidth")
    )
