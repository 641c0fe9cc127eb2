"""Uploads through the API: what is stored, what is rejected, and what a repeated call does."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from hub.embedded_postgres import EmbeddedPostgres
from tests.hubs import Person
from tests.live.pictures import png
from tests.live.scenes import Scene, answer, keys_of, numbers, open_scene, refusal

FILE = """{ images { id name url thumbnailUrl mimeType sizeBytes checksum width height }
    rejected { name code } }"""
PROGRESS = """subscription($id: ID!) { uploadProgressed(uploadId: $id) {
    uploadId filesTotal filesStored filesRejected bytesReceived done } }"""


@pytest.fixture(scope="module")
async def scene(
    postgres: EmbeddedPostgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Scene]:
    folder = tmp_path_factory.mktemp("hub")
    async with open_scene(
        postgres, migrated_template, folder, max_file_bytes=200_000, max_files_per_upload=5
    ) as opened:
        yield opened


async def test_a_repeated_upload_changes_nothing_and_returns_the_first_result(
    scene: Scene, ada: Person
) -> None:
    project = await scene.project(ada)
    files = (("a.png", png(1)), ("bad.png", b"bad"), ("b.png", png(2)))
    upload_id = uuid4().hex
    first = await ada.upload(project, *files, upload_id=upload_id, fields=FILE)
    assert [file["name"] for file in first["rejected"]] == ["bad.png"]
    before, kept = await numbers(ada, project), scene.files_of(project)
    again = await ada.upload(project, *files, upload_id=upload_id, fields=FILE)
    other = await ada.upload(project, ("c.png", png(3)), upload_id=upload_id, fields=FILE)
    assert _without_addresses(again) == _without_addresses(other) == _without_addresses(first)
    assert await numbers(ada, project) == before
    assert scene.files_of(project) == kept


async def test_what_was_deleted_since_does_not_come_back_with_a_repeated_upload(
    scene: Scene, ada: Person
) -> None:
    project = await scene.project(ada)
    upload_id = uuid4().hex
    files = (("a.png", png(1)), ("b.png", png(2)))
    first = await ada.upload(project, *files, upload_id=upload_id)
    await ada.do("deleteImage", "{ deletedIds }", imageId=first["images"][0]["id"])
    again = await ada.upload(project, *files, upload_id=upload_id)
    assert again["images"] == first["images"][1:]


async def test_an_upload_id_is_of_one_project(scene: Scene, ada: Person) -> None:
    project, other = await scene.project(ada), await scene.project(ada)
    upload_id = uuid4().hex
    await ada.upload(project, ("a.png", png()), upload_id=upload_id)
    code, _ = await refusal(ada.upload(other, ("a.png", png()), upload_id=upload_id))
    assert code == "CONFLICT"
    assert scene.files_of(other) == set()


async def test_of_two_uploads_at_once_with_one_id_one_counts(scene: Scene, ada: Person) -> None:
    project = await scene.project(ada)
    upload_id = uuid4().hex
    files = [(f"{shade}.png", png(shade)) for shade in range(3)]
    first, *others = await asyncio.gather(
        *(ada.upload(project, *files, upload_id=upload_id, fields=FILE) for _ in range(3))
    )
    for other in others:
        assert _without_addresses(other) == _without_addresses(first)
    assert (await numbers(ada, project))["imageCount"] == 3
    assert scene.files_of(project) == keys_of(project, *(image["id"] for image in first["images"]))


async def test_a_file_that_is_no_good_is_rejected_alone(scene: Scene, ada: Person) -> None:
    project = await scene.project(ada)
    before = await numbers(ada, project)
    whole = png(side=64)
    uploaded = await ada.upload(
        project,
        ("text.png", b"not an image"),
        ("empty.tif", b""),
        ("cut.png", whole[: len(whole) // 2]),
        ("large.png", png() + bytes(200_000)),
        ("good.txt", whole),
    )
    assert [image["name"] for image in uploaded["images"]] == ["good.txt"]
    assert [(file["name"], file["code"]) for file in uploaded["rejected"]] == [
        ("text.png", "NOT_AN_IMAGE"),
        ("empty.tif", "EMPTY_FILE"),
        ("cut.png", "TRUNCATED"),
        ("large.png", "FILE_TOO_LARGE"),
    ]
    assert all(file["message"] for file in uploaded["rejected"])
    after = await numbers(ada, project)
    assert after["revision"] == before["revision"] + 1
    assert after["storageBytes"] == len(whole)
    assert scene.files_of(project) == keys_of(project, uploaded["images"][0]["id"])


async def test_an_upload_of_which_nothing_is_good_changes_nothing(
    scene: Scene, ada: Person
) -> None:
    project = await scene.project(ada)
    before = await numbers(ada, project)
    uploaded = await ada.upload(project, ("a.png", b"a"), ("b.png", b"b"), upload_id=uuid4().hex)
    assert uploaded["images"] == []
    assert len(uploaded["rejected"]) == 2
    assert await numbers(ada, project) == before
    assert scene.files_of(project) == set()


async def test_the_number_of_files_has_bounds(scene: Scene, ada: Person) -> None:
    project = await scene.project(ada)
    document = """mutation($input: UploadImagesInput!) { uploadImages(input: $input) {
        images { id } } }"""
    none = await answer(scene.hub, ada, document, {"input": {"projectId": project, "files": []}})
    values = {"input": {"projectId": project, "files": [None] * 6}}
    many = await answer(scene.hub, ada, document, values, [("a.png", png())] * 6)
    for refused, said in ((none, "1 to 5 files"), (many, "6 files")):
        [error] = refused["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert said in error["message"]
    assert scene.files_of(project) == set()


async def test_who_may_not_upload_leaves_nothing_behind(scene: Scene, ada: Person) -> None:
    ben = await scene.hub.person("Ben")
    project = await scene.project(ada, viewer=ben)
    code, _ = await refusal(ben.upload(project, ("a.png", png())))
    assert code == "FORBIDDEN"
    assert scene.files_of(project) == set()


async def test_a_full_store_takes_no_more(
    postgres: EmbeddedPostgres, migrated_template: str, tmp_path: Path
) -> None:
    one = png(side=32)
    size = len(one)
    async with open_scene(
        postgres, migrated_template, tmp_path, user_storage_bytes=2 * size + 10
    ) as scene:
        ada, ben = await scene.hub.person("Ada"), await scene.hub.person("Ben")
        project = await scene.project(ada, editor=ben)
        mine = await scene.project(ben)
        three = [(f"{number}.png", one) for number in range(3)]
        uploaded = await ben.upload(project, *three)
        assert len(uploaded["images"]) == 2
        assert [file["code"] for file in uploaded["rejected"]] == ["QUOTA_EXCEEDED"]
        [fits] = (await ada.upload(project, ("fits.png", one[:10])))["rejected"]
        assert fits["code"] == "TRUNCATED"
        # What counts is whose project it is, not who uploads.
        assert len((await ben.upload(mine, *three[:2]))["images"]) == 2
        await ada.do("deleteImage", "{ deletedIds }", imageId=uploaded["images"][0]["id"])
        assert len((await ada.upload(project, three[2]))["images"]) == 1
    async with open_scene(
        postgres, migrated_template, tmp_path / "full", user_storage_bytes=size
    ) as scene:
        ada = await scene.hub.person("Ada")
        project = await scene.project(ada)
        assert len((await ada.upload(project, three[0]))["images"]) == 1
        code, message = await refusal(ada.upload(project, three[1]))
        assert code == "QUOTA_EXCEEDED"
        assert str(size) in message


async def test_an_uploads_progress_goes_from_nothing_to_done(scene: Scene, ada: Person) -> None:
    project = await scene.project(ada)
    upload_id = uuid4().hex
    files = [("a.png", png(1)), ("bad.png", b"bad"), ("b.png", png(2))]
    async with ada.connected() as socket:
        early = socket.watch(PROGRESS, id=upload_id)
        await early.until(lambda events: events)
        await ada.upload(project, *files, upload_id=upload_id)
        assert await early.end() is None
        late = socket.watch(PROGRESS, id=upload_id)
        assert await late.end() is None
        assert late.error is early.error is None
    done = {
        "uploadId": upload_id,
        "filesTotal": 3,
        "filesStored": 2,
        "filesRejected": 1,
        "bytesReceived": sum(len(content) for _, content in files),
        "done": True,
    }
    nothing = {
        "uploadId": upload_id,
        "filesTotal": 0,
        "filesStored": 0,
        "filesRejected": 0,
        "bytesReceived": 0,
        "done": False,
    }
    assert early.events[0] == nothing
    assert early.events[-1] == done
    assert late.events == [done]
    for name in ("filesStored", "filesRejected", "bytesReceived"):
        told = [event[name] for event in early.events]
        assert told == sorted(told)
    assert [event["done"] for event in early.events].count(True) == 1


def _without_addresses(uploaded: dict[str, Any]) -> dict[str, Any]:
    """Return the result without what is signed anew for each answer."""
    for image in uploaded["images"]:
        image.pop("url", None)
        image.pop("thumbnailUrl", None)
    return uploaded
