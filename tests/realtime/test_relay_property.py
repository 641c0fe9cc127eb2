"""Whatever happens on the way, each follower is told the truth, by rising revisions."""

from collections.abc import Sequence
from functools import partial
from typing import Any
from unittest.mock import patch
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.relays import Relays
from tests.realtime.ledger import Change, Ledger, a_world, merged
from tests.realtime.relaying import Newest, Rendering
from tests.realtime.story import Client, Story, steps
from tests.realtime.things import LARGEST, Things, ThingsClient

Plot = list[tuple[Any, ...]]


@settings(max_examples=300, deadline=None)
@given(
    plot=st.lists(steps, max_size=50),
    page_size=st.sampled_from([2, LARGEST + 1]),
    log_bytes=st.sampled_from([600, 2**16]),
)
async def test_followers_of_every_event_rise_strictly_miss_nothing_and_end_with_the_latest(
    plot: Plot, page_size: int, log_bytes: int
) -> None:
    with patch("realtime.log._MOST_BYTES", log_bytes):
        await play_with_things(plot, page_size)


async def play_with_things(plot: Plot, page_size: int) -> None:
    async with a_world(mailbox_limit=3) as world:
        world.ledger.most_repaired = 4
        view = Things(world.ledger, page_size)
        relays = Relays(
            world.feeds, view, topic=lambda key: key, read=view.read, retry_seconds=0.001
        )
        async with relays:
            await Story(world, relays, partial(ThingsClient, page_size)).play_all(plot)


class Weather(Newest):
    """What a topic says at a revision: little that is new, and often what was said before."""

    def __init__(self, ledger: Ledger, said: Sequence[int]) -> None:
        super().__init__(ledger)
        self.said = said

    def at(self, revision: int) -> str:
        return f"weather {self.said[revision % len(self.said)]}"

    def events(self, key: UUID, change: Change, known: int) -> Sequence[tuple[int, str]]:
        return [(change.revision, self.at(change.revision))]


class WeatherClient(Client):
    """Knows how it is now."""

    def __init__(self, weather: Weather, story: Story, user: UUID, group: Rendering) -> None:
        super().__init__(story, user, group)
        self._weather = weather
        self._now = ""

    def hear(self, what: str, revision: int) -> None:
        self.expect(what == self._weather.at(revision), f"{what} at {revision}")
        self._now = what

    def read(self) -> bool:
        self.cursor = self.story.revision
        self._now = self._weather.at(self.cursor)
        return True

    def told(self) -> str:
        return self._now

    def judge(self) -> None:
        assert self._now == self._weather.at(self.story.revision)


@settings(max_examples=300, deadline=None)
@given(
    plot=st.lists(steps, max_size=50),
    said=st.lists(st.integers(0, 1), min_size=1, max_size=9),
    seconds_between=st.sampled_from([0.0, 0.001]),
)
async def test_followers_of_what_is_newest_rise_strictly_and_end_with_it(
    plot: Plot, said: list[int], seconds_between: float
) -> None:
    async with a_world(mailbox_limit=3) as world:
        view = Weather(world.ledger, said)
        relays = Relays(
            world.feeds,
            view,
            topic=lambda key: key,
            merge=merged,
            seconds_between=seconds_between,
            retry_seconds=0.001,
        )
        async with relays:
            await Story(world, relays, partial(WeatherClient, view)).play_all(plot)
