"""People who go on changing things, whatever happens to the hub."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from tests.faults.api import Account, Api, Failed
from tests.faults.ledger import NO_ROLE, Ledger
from tests.faults.model import GONE
from tests.live.pictures import png

NEXT = {
    "UPLOADED": ("QUEUED",),
    "QUEUED": ("PROCESSING", "UPLOADED", "FAILED"),
    "PROCESSING": ("SEGMENTED", "NO_SEGMENTATION", "FAILED", "QUEUED"),
    "SEGMENTED": ("QUEUED",),
    "NO_SEGMENTATION": ("QUEUED",),
    "FAILED": ("QUEUED",),
}
_ERROR = {"code": "TIMEOUT", "message": "Slow.", "retryable": True}
_STATS = "project { stats { revision } }"
_PAUSE_SECONDS = 0.03
_PAUSE_AFTER_FAILURE = 0.1
_FEWEST_IMAGES = 5


class Writer:
    """Somebody who changes a project at random: images of their own, and who sees it.

    ``guests`` are let in and shut out by this writer alone. ``api`` is how calls get to a hub. What
    a call was about is never touched again where nobody knows what came of it.
    """

    def __init__(
        self,
        api: Api,
        project: str,
        ledger: Ledger,
        generator: random.Random,
        *,
        guests: Sequence[Account] = (),
    ) -> None:
        self.api = api
        self._project = project
        self._ledger = ledger
        self._random = generator
        self._images: dict[str, str] = {}
        self._guests = {guest.id: guest for guest in guests}
        self._let_in: set[str] = set()
        self._beside: str | None = None
        self._stopped = False

    async def begin(self, images: int) -> None:
        """Upload images, and let every guest in."""
        await self._upload(images)
        for guest in self._guests.values():
            await self._share(guest)

    def stop(self) -> None:
        """Have ``run`` end after the call that is under way."""
        self._stopped = True

    async def run(self) -> None:
        """Change something again and again until stopped."""
        self._stopped = False
        while not self._stopped:
            action = self._choose()
            began = time.monotonic()
            try:
                await action()
            except Failed as error:
                self._ledger.fail(error.what, began)
                await asyncio.sleep(_PAUSE_AFTER_FAILURE)
            else:
                await asyncio.sleep(self._random.uniform(0.5, 1.5) * _PAUSE_SECONDS)

    def _choose(self) -> Callable[[], Awaitable[None]]:
        if len(self._images) < _FEWEST_IMAGES:
            return self._add
        usual = [self._move, self._move_many, self._delete, self._add]
        rare = [self._change_guest, self._change_beside] if self._guests else []
        weights = [10, 4, 1, 2, 2, 1][: len(usual) + len(rare)]
        return self._random.choices([*usual, *rare], weights)[0]

    async def _move(self) -> None:
        await self._set(self._some(1), "setSegmentationStatus")

    async def _move_many(self) -> None:
        await self._set(self._some(self._random.randint(2, 20)), "setSegmentationStatuses")

    async def _set(self, images: Sequence[str], mutation: str) -> None:
        wanted = {image: self._random.choice(NEXT[self._images[image]]) for image in images}
        changes: list[dict[str, Any]] = [
            {"imageId": image, "status": status, "error": _ERROR if status == "FAILED" else None}
            for image, status in wanted.items()
        ]
        if mutation == "setSegmentationStatus":
            [change] = changes
            payload = await self._try(wanted, mutation, "{ image { id revision } }", **change)
            moved = [payload["image"]]
        else:
            fields = "{ images { id revision } }"
            payload = await self._try(wanted, mutation, fields, changes=changes)
            moved = payload["images"]
        assert [image["id"] for image in moved] == list(wanted)
        self._have(wanted, (image["revision"] for image in moved))

    async def _delete(self) -> None:
        wanted = dict.fromkeys(self._some(self._random.randint(1, 3)), GONE)
        fields = f"{{ deletedIds {_STATS} }}"
        payload = await self._try(wanted, "deleteImages", fields, imageIds=list(wanted))
        assert payload["deletedIds"] == list(wanted)
        self._have(wanted, [_revision(payload)])

    async def _add(self) -> None:
        await self._upload(self._random.randint(1, 3))

    async def _upload(self, count: int) -> None:
        files = [png(shade) for shade in range(count)]
        fields = "{ images { id revision } rejected { message } }"
        payload = await self._try({}, "uploadImages", fields, files=files, projectId=self._project)
        assert payload["rejected"] == []
        images = payload["images"]
        self._have(
            {image["id"]: "UPLOADED" for image in images},
            (image["revision"] for image in images),
        )

    async def _change_guest(self) -> None:
        guest = self._random.choice(list(self._guests.values()))
        if guest.id in self._let_in:
            await self._revoke(guest)
        else:
            await self._share(guest)

    async def _share(self, guest: Account) -> None:
        self._ledger.sharing(self._project, guest.id)
        values = {"projectId": self._project, "email": guest.email, "role": "VIEWER"}
        try:
            payload = await self._call("shareProject", f"{{ {_STATS} }}", **values)
        except Failed as error:
            if not error.undone:
                self._ledger.perhaps(self._project, guest.id, "VIEWER")
            raise
        self._let_in.add(guest.id)
        self._ledger.shared(self._project, guest.id, "VIEWER", _revision(payload))

    async def _revoke(self, guest: Account) -> None:
        values = {"projectId": self._project, "userId": guest.id}
        try:
            payload = await self._call("revokeAccess", f"{{ {_STATS} }}", **values)
        except Failed as error:
            if not error.undone:
                self._ledger.perhaps(self._project, guest.id, NO_ROLE)
                del self._guests[guest.id]
            raise
        self._let_in.discard(guest.id)
        self._ledger.revoked(self._project, guest.id, _revision(payload))

    async def _change_beside(self) -> None:
        """Create another project, or delete the one that was created last."""
        if self._beside is None:
            payload = await self._call("createProject", "{ project { id } }", name="Beside")
            self._beside = payload["project"]["id"]
            self._ledger.project(self._beside, True)
            return
        project = self._beside
        try:
            await self._call("deleteProject", "{ projectId }", projectId=project)
        except Failed as error:
            if not error.undone:
                self._ledger.project(project, False, sure=False)
                self._beside = None
            raise
        self._beside = None
        self._ledger.project(project, False)

    async def _try(self, wanted: dict[str, str], mutation: str, fields: str, **values: Any) -> Any:
        """Call; after some failures the images may have become what was wanted, or not."""
        try:
            return await self._call(mutation, fields, **values)
        except Failed as error:
            for image, status in wanted.items() if not error.undone else ():
                self._ledger.image(self._project, image, status, sure=False)
                del self._images[image]
            raise

    async def _call(self, mutation: str, fields: str, **values: Any) -> Any:
        payload = await self.api.do(mutation, fields, **values)
        self._ledger.acknowledge()
        return payload

    def _have(self, images: dict[str, str], revisions: Iterable[int]) -> None:
        self._ledger.happened(self._project, revisions)
        for image, status in images.items():
            self._ledger.image(self._project, image, status)
            if status == GONE:
                del self._images[image]
            else:
                self._images[image] = status

    def _some(self, count: int) -> list[str]:
        return self._random.sample(list(self._images), min(count, len(self._images)))


def _revision(payload: Any) -> int:
    revision: int = payload["project"]["stats"]["revision"]
    return revision
