"""What is on a page: all that it showed over a time, and what keeps people from using it."""

from collections.abc import Sequence
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

_SETTLED = """async () => {
    await document.fonts.ready;
    const moving = document.getAnimations().filter(
        ({ effect, playState }) =>
            playState === "running" && Number.isFinite(effect.getComputedTiming().endTime),
    );
    await Promise.allSettled(moving.map(({ finished }) => finished));
    const awaited = [...document.images].filter((image) => {
        const { top, bottom } = image.getBoundingClientRect();
        return !image.complete && bottom > 0 && top < innerHeight;
    });
    await Promise.allSettled(awaited.map((image) => image.decode()));
}"""


async def record(page: Page, name: str, look: str) -> None:
    """Have a page note what a function finds on it, from now on, each time that it is another."""
    await page.evaluate(_RECORD % (look, name))


async def recorded(page: Page, name: str) -> list[Any]:
    """Return what was noted, the first first."""
    shown: list[Any] = await page.evaluate("(name) => recordings[name].map(JSON.parse)", name)
    return shown


async def barriers(page: Page, but: Sequence[str] = ()) -> list[str]:
    """Return the serious and critical faults that axe-core, which is in the page, finds on it.

    ``but`` are selectors of what it is not to look at.
    """
    results = await page.evaluate(
        "(exclude) => axe.run({ exclude }, { resultTypes: ['violations'] })", list(but)
    )
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


async def settled(page: Page) -> None:
    """Wait until what moves has come to rest, and pictures and letters in sight are there."""
    await page.evaluate(_SETTLED)
