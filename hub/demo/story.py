"""What happens in the demo, step by step; each step ends when everybody was told of it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from client.errors import Refused
from client.images import StoredImage, Uploaded, upload_images
from hub.demo.audience import Actor
from hub.demo.changes import Changed, change, request
from hub.demo.outlined import Outlined, outline
from hub.demo.table import Board
from hub.demo.wording import many
from hub.demo.working import RunningWorker
from worker.queue import JobQueue

_FAILURE = {
    "code": "OUT_OF_MEMORY",
    "message": "The model needs more memory than there is.",
    "retryable": True,
}

# Changes that come in a burst are told together: without it each would wait for the one before.
_PAUSE_SECONDS = 0.12


class Story:
    """Ada has a project and Ben helps her, for a while; ``findings`` are what went wrong."""

    def __init__(self, ada: Actor, ben: Actor, board: Board) -> None:
        self._ada = ada
        self._ben = ben
        self._board = board
        self._watching: list[Actor] = []
        self._revoked_at = 0
        self.project_id = ""
        self.findings: list[str] = []

    async def share(self) -> None:
        """Create a project and let Ben in; both watch it."""
        ada, ben = self._ada, self._ben
        for actor in (ada, ben):
            await actor.told_dashboard()
        self._board.tell("Ada creates the project 'Nuclei', and shares it with Ben as an EDITOR.")
        created = await change(ada.hub, "createProject", name="Nuclei")
        self.project_id = created.project_id
        shared = await change(
            ada.hub,
            "shareProject",
            projectId=self.project_id,
            email=ben.email,
            role="EDITOR",
        )
        for actor in (ada, ben):
            await actor.told_of(self.project_id, shared.revision)
        self._board.tell("Both watch the project, and its images.")
        for actor in (ada, ben):
            actor.watch_project(self.project_id)
        self._watching = [ada, ben]
        await self._all_told(shared, images=False)

    async def upload(self, adas: Sequence[Path], bens: Sequence[Path]) -> list[StoredImage]:
        """Upload files of both at once; return the images in the order of the files."""
        self._board.tell(f"Ada uploads {len(adas)} files, Ben {len(bens)}, at the same time.")
        uploads = await asyncio.gather(
            self._send(self._ada, "plate 7, Ada", adas), self._send(self._ben, "plate 7, Ben", bens)
        )
        revision = max(uploaded.project.stats.revision for uploaded in uploads)
        await self._all_told(Changed(self.project_id, revision))
        for uploaded in uploads:
            for file in uploaded.rejected:
                self._board.tell(f"Not stored: {file.name}, {file.code}: {file.message}")
        return [image for uploaded in uploads for image in uploaded.images]

    async def _send(self, actor: Actor, upload_id: str, files: Sequence[Path]) -> Uploaded:
        progress = actor.watch_upload(upload_id)
        model = progress.model
        await progress.until(lambda: model.last is not None, "its beginning")
        uploaded = await upload_images(actor.hub, self.project_id, files, upload_id=upload_id)
        await progress.until(lambda: model.last is not None and model.last.done, "its end")
        if model.last is not None:
            told = (model.last.files_stored, model.last.files_rejected, model.last.bytes_received)
            sizes = sum(file.stat().st_size for file in files)
            if told != (len(uploaded.images), len(uploaded.rejected), sizes):
                self.findings.append(f"{progress.name} ended with {told}.")
        return uploaded

    async def segment(self, images: Sequence[StoredImage], worker: RunningWorker) -> list[str]:
        """Have the images segmented by Ben's worker; return the models that it has."""
        models = await worker.models()
        listed = ", ".join(f"{name} {version}" for name, version in models.items())
        self._board.tell(f"Ben's worker is ready, with {many(len(models), 'model')}: {listed}.")
        self._board.tell(f"Ada requests the segmentation of {len(images)} images.")
        ids = [image.id for image in images]
        requested = await request(self._ada.hub, projectId=self.project_id, imageIds=ids)
        *_, (last, ahead) = requested.ahead.items()
        self._board.tell(f"{many(len(requested.ahead), 'job')} wait, {ahead} ahead of {last}.")
        for actor in self._watching:
            await actor.told_of_ends(ids)
        known = self._ada.images.model
        await self._all_told(Changed(self.project_id, known.revision))
        self.findings += [
            f"Ben's worker failed at {image.name}."
            for image in images
            if known.states[image.id].status == "FAILED"
        ]
        return list(models)

    async def set_by_hand(self, image: StoredImage) -> None:
        """Move an image's status without the queue."""
        self._board.tell(f"Ben queues {image.name} by hand, for a program of his, which fails.")
        await self._set(self._ben, "QUEUED", image)
        await self._set(self._ben, "FAILED", image, error=_FAILURE)

    async def overstep(self, image: StoredImage) -> None:
        """Try a move that is not legal."""
        status = self._ben.images.model.states[image.id].status
        self._board.tell(f"Ben moves {image.name}, which is {status}, to PROCESSING.")
        try:
            await self._set(self._ben, "PROCESSING", image)
        except Refused as error:
            self._board.tell(f"The hub refuses that, {error.code}: {error.message}")
            if error.code != "CONFLICT":
                self.findings.append(f"An illegal move was refused with {error.code}.")
        else:
            self.findings.append("An illegal move was made.")

    async def delete(self, image: StoredImage, *others: StoredImage) -> None:
        """Delete one image, then others in one call."""
        self._board.tell(f"Ada deletes {image.name}, then Ben {len(others)} images in one call.")
        await self._all_told(await change(self._ada.hub, "deleteImage", imageId=image.id))
        ids = [other.id for other in others]
        await self._all_told(await change(self._ben.hub, "deleteImages", imageIds=ids))

    async def revoke(self) -> None:
        """Shut Ben out: his streams of the project end."""
        self._board.tell("Ada revokes Ben's access.")
        ada, ben = self._ada, self._ben
        revoked = await change(
            ada.hub, "revokeAccess", projectId=self.project_id, userId=ben.user_id
        )
        self._watching = [ada]
        self._revoked_at = revoked.revision
        await self._all_told(revoked, images=False)
        for stream in (ben.project, ben.images, ben.queue):
            await stream.until_ended("FORBIDDEN")
        stats = ben.everything.model.stats
        await ben.everything.until(lambda: self.project_id not in stats, "the end of his access")

    async def go_on(self, image: StoredImage, bens: JobQueue) -> None:
        """Change something that Ben must not hear of, nor get to work on."""
        self._board.tell(f"Ada requests {image.name} again. Ben must not hear of it.")
        requested = await request(
            self._ada.hub, projectId=self.project_id, imageIds=[image.id], force=True
        )
        await self._all_told(requested.changed)
        claimed = await bens.claim(1)
        self._board.tell(
            f"Ben's key asks for jobs, as his worker does, and gets {len(claimed) or 'none'}."
        )
        status = self._ada.images.model.states[image.id].status
        if claimed or status != "QUEUED":
            self.findings.append(f"Ben's worker got {image.name}, after his access ended.")

    async def outline(self, *images: StoredImage) -> list[Outlined]:
        """Draw what was found on the images; not on those in which nothing was."""
        counts = {image.id: self._ada.images.model.states[image.id].cell_count for image in images}
        self._board.tell("Ada fetches the outlines of the cells, and draws them.")
        drawn = [await outline(self._ada.hub, image.id) for image in images if counts[image.id]]
        self.findings += [
            f"{each.path} has {each.outlines} outlines of {each.cells} cells."
            for each in drawn
            if each.outlines != each.cells
        ]
        return drawn

    def leaks(self) -> list[str]:
        """Return what Ben heard that he must not."""
        told = {
            self._ben.everything.name: self._ben.everything.model.revisions[self.project_id],
            self._ben.project.name: self._ben.project.model.revisions[self.project_id],
            self._ben.images.name: self._ben.images.model.revision,
        }
        return [
            f"{name} told of revision {revision}, after his access ended."
            for name, revision in told.items()
            if revision > self._revoked_at
        ]

    async def _set(self, actor: Actor, status: str, image: StoredImage, **values: object) -> None:
        values |= {"imageId": image.id, "status": status}
        await self._all_told(await change(actor.hub, "setSegmentationStatus", **values))

    async def _all_told(self, changed: Changed, *, images: bool = True) -> None:
        """Wait until everybody who watches was told of the change, in all streams it concerns."""
        for actor in self._watching:
            await actor.told_of(changed.project_id, changed.revision)
            await actor.told_in_project(changed.revision, images=images)
        await asyncio.sleep(_PAUSE_SECONDS)
