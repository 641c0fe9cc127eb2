"""Getting an image: what fails for now is tried again, what fails for good is told."""

import asyncio
import hashlib
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from client.files import Downloads
from tests.serving import Stage, serving
from worker import downloads
from worker.downloads import fetch
from worker.failures import Failed, HandedBack
from worker.queue import Image

CONTENT = b"the cells divide at dawn"


class Answers:
    """A server that gives these answers, one after the other, and then the last one."""

    def __init__(self, *answers: Response) -> None:
        self._answers = answers
        self.asked = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._answers[min(self.asked, len(self._answers) - 1)]
        self.asked += 1
        await answer(scope, receive, send)


async def fetched(answers: Answers, folder: Path) -> Path:
    stage = Stage()
    stage.http = answers
    async with serving(stage) as address, Downloads() as connections:
        image = Image(
            name="cell.png",
            url=f"http://{address}/file",
            checksum=hashlib.sha256(CONTENT).hexdigest(),
            size_bytes=len(CONTENT),
        )
        path = folder / "picture"
        await fetch(connections, image, path, lambda *_: None)
        return path


async def test_a_network_that_fails_is_tried_again(tmp_path: Path) -> None:
    answers = Answers(PlainTextResponse("away", 503), Response(b"damaged"), Response(CONTENT))
    path = await fetched(answers, tmp_path)
    assert await asyncio.to_thread(path.read_bytes) == CONTENT


async def test_what_comes_damaged_again_and_again_fails_the_job(tmp_path: Path) -> None:
    answers = Answers(Response(CONTENT.upper()))
    with pytest.raises(Failed, match="its checksum differs") as failed:
        await fetched(answers, tmp_path)
    assert failed.value.failure.retryable
    assert answers.asked == 3


async def test_an_address_that_never_was_good_fails_the_job(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="does not hold any more"):
        await fetched(Answers(PlainTextResponse("expired", 403)), tmp_path)


async def test_a_job_whose_address_expired_while_the_network_was_away_is_handed_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "_GOOD_SECONDS", 0.1)
    answers = Answers(PlainTextResponse("away", 503), PlainTextResponse("expired", 403))
    with pytest.raises(HandedBack):
        await fetched(answers, tmp_path)
