"""A project that people change at random while others follow it, through one hub or several."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count

import httpx

from tests.faults.api import Account, Api, SocketApi, sign_up
from tests.faults.client import Client, seconds_until_all_know
from tests.faults.ledger import Ledger
from tests.faults.model import Chronicle
from tests.faults.processes import HubProcess
from tests.faults.truth import Truth, truth_of
from tests.faults.writer import Writer

_CLIENTS_AT_ONCE = 50


class Scene:
    """An owner, two editors and a guest of a project; each follows it, the first three change it.

    ``clients`` follow from when ``watching`` begins. Everybody may go to every hub. ``by_socket``:
    the last of the ``writers`` calls over a socket.
    """

    def __init__(
        self,
        hubs: Sequence[HubProcess],
        database_url: str,
        http: httpx.AsyncClient,
        *,
        images_of_each: int,
        seed: int,
        by_socket: bool,
    ) -> None:
        self.ledger = Ledger()
        self.chronicle = Chronicle()
        self.clients: list[Client] = []
        self.writers: list[Writer] = []
        self.project = ""
        self._hubs = hubs
        self._database_url = database_url
        self._http = http
        self._images_of_each = images_of_each
        self._random = random.Random(seed)
        self._by_socket = by_socket
        self._turns = count()
        self._people: list[Account] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._following: asyncio.TaskGroup

    async def begin(self) -> None:
        """Have people sign up, make the project and its first images."""
        urls = self._urls()
        names = ("Owner", "Editor", "Helper", "Guest")
        self._people = [await sign_up(self._http, urls[0], name) for name in names]
        owner, *_ = self._people
        api = Api(self._http, urls, owner.token)
        payload = await api.do("createProject", "{ project { id } }", name="Faults")
        self.project = payload["project"]["id"]
        await self._make_writers()
        self.clients += [
            client
            for person in self._people
            for client in (self.client(person), self.client(person, everything=True))
        ]

    async def _make_writers(self) -> None:
        owner, editor, helper, guest = self._people
        api = Api(self._http, self._urls(), owner.token)
        for person in (editor, helper):
            await api.do(
                "shareProject",
                "{ project { id } }",
                projectId=self.project,
                email=person.email,
                role="EDITOR",
            )
        for number, person in enumerate((owner, editor, helper)):
            # Each begins with another hub.
            kind = SocketApi if self._by_socket and person is helper else Api
            api = kind(self._http, self._urls(number), person.token)
            guests = [guest] if person is owner else []
            writer = Writer(api, self.project, self.ledger, self._random, guests=guests)
            await writer.begin(self._images_of_each)
            self.writers.append(writer)

    async def add_spectators(self, people: int, clients_of_each: int) -> None:
        """Let more people follow the project."""
        urls = self._urls()
        api = Api(self._http, urls, self.owner.token)
        for _ in range(people):
            person = await sign_up(self._http, urls[0], "Spectator")
            await api.do(
                "shareProject",
                "{ project { id } }",
                projectId=self.project,
                email=person.email,
                role="VIEWER",
            )
            self.clients += [self.client(person) for _ in range(clients_of_each)]

    @property
    def owner(self) -> Account:
        """Whose project it is."""
        return self._people[0]

    def spectator(self, hub: HubProcess | None = None) -> Client:
        """Return another client of the owner, who follows the project, at this hub only."""
        return self.client(self.owner, hub=hub)

    def client(
        self, person: Account, *, everything: bool = False, hub: HubProcess | None = None
    ) -> Client:
        """Return a client of somebody, who follows the project or all that they see.

        Each begins with another hub, unless it is to know one only.
        """
        guest = person is self._people[-1]
        return Client(
            [hub.url] if hub else self._urls(next(self._turns)),
            person.token,
            self.chronicle,
            # Who may be shut out of a project does not insist on it.
            project=None if everything or guest else self.project,
            images_of=self.project,
            user=person.id,
            guest=guest,
        )

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Have all clients follow within the block, which begins when they know the truth.

        It ends as soon as one of them was told what is not so.
        """
        async with asyncio.TaskGroup() as self._following:
            clients, self.clients = self.clients, []
            for first in range(0, len(clients), _CLIENTS_AT_ONCE):
                await self.join(*clients[first : first + _CLIENTS_AT_ONCE])
            yield
            for task in self._tasks:
                task.cancel()

    async def join(self, *clients: Client) -> None:
        """Have more clients follow; return when they know the truth."""
        self.clients += clients
        self._tasks += [self._following.create_task(client.run()) for client in clients]
        await seconds_until_all_know(clients, await self.truth(), now())

    @asynccontextmanager
    async def changes_through(self, hub: HubProcess) -> AsyncIterator[None]:
        """Have one of the editors change the project within the block, through this hub only."""
        _, editor, *_ = self._people
        _, writer, *_ = self.writers
        usual, writer.api = writer.api, Api(self._http, [hub.url], editor.token)
        async with self.changes(writer):
            yield
        writer.api = usual

    @asynccontextmanager
    async def changes(self, *writers: Writer) -> AsyncIterator[None]:
        """Have people change the project within the block; in the end their last calls end."""
        writers = writers or tuple(self.writers)
        async with asyncio.TaskGroup() as group:
            for writer in writers:
                group.create_task(writer.run())
            yield
            for writer in writers:
                writer.stop()

    async def acknowledged(self, count: int) -> None:
        """Wait until this many more mutations have succeeded."""
        goal = self.ledger.acknowledged + count
        await self.ledger.until(lambda: self.ledger.acknowledged >= goal)

    async def failed(self, count: int) -> None:
        """Wait until this many more mutations have failed."""
        goal = self.ledger.failures.total() + count
        await self.ledger.until(lambda: self.ledger.failures.total() >= goal)

    async def settled(self, since: float = 0.0) -> float:
        """Wait until all clients know the truth, which no longer changes; check what else is due.

        Returns how long it took: from ``since``, or from the last change if that came later.
        """
        truth = await self.truth()
        self.ledger.check(truth)
        since = max(since, self.ledger.latest)
        seconds = await seconds_until_all_know(self.clients, truth, since)
        for client in self.clients:
            for project, told in client.numbers.told.items():
                self.ledger.check_secrets(project, client.user, told)
            if client.images:
                self.ledger.check_secrets(self.project, client.user, client.images.told)
        return seconds

    async def truth(self) -> Truth:
        """Return what the database has."""
        return await truth_of(self._database_url)

    def interruptions(self) -> dict[str, int]:
        """Return what ended sockets and operations of the clients so far, and how often."""
        total: dict[str, int] = {}
        for client in self.clients:
            for what, times in client.interruptions.items():
                total[what] = total.get(what, 0) + times
        return total

    def _urls(self, first: int = 0) -> list[str]:
        urls = [hub.url for hub in self._hubs]
        first %= len(urls)
        return urls[first:] + urls[:first]


@asynccontextmanager
async def a_scene(
    hubs: Sequence[HubProcess],
    database_url: str,
    *,
    spectators: int = 0,
    clients_of_each: int = 1,
    images_of_each: int = 30,
    seed: int = 1,
    by_socket: bool = False,
) -> AsyncIterator[Scene]:
    """Yield a scene whose clients follow, and know the truth.

    ``spectators`` are more people who follow the project, with so many clients each.
    """
    limits = httpx.Limits(max_connections=50)
    async with httpx.AsyncClient(timeout=20, limits=limits) as http:
        scene = Scene(
            hubs,
            database_url,
            http,
            images_of_each=images_of_each,
            seed=seed,
            by_socket=by_socket,
        )
        try:
            await scene.begin()
            await scene.add_spectators(spectators, clients_of_each)
            async with scene.watching():
                yield scene
        finally:
            for writer in scene.writers:
                await writer.api.close()


def now() -> float:
    """Return the time by the clock that convergence is measured with."""
    return time.monotonic()
