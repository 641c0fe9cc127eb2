"""Stored images: how they are served, how they go, and that nothing of them stays behind."""

import asyncio
import hashlib
import io
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from PIL import Image as Picture
from pydantic import SecretStr

from hub import gc
from hub.embedded_postgres import EmbeddedPostgres
from hub.settings import Settings
from persistence.blobs import original_key, polygons_key, pyramid_key, thumbnail_key
from persistence.sql import Statement
from schema.ids import Kind
from tests.hubs import Person
from tests.live.pictures import png
from tests.live.scenes import (
    Scene,
    absent,
    image_key,
    keys_of,
    numbers,
    open_scene,
    project_key,
    refusal,
    user_key,
)

SAMPLES = Path(__file__).parents[2] / "samples"
FILE = """{ images { id name url thumbnailUrl mimeType sizeBytes checksum width height }
    rejected { name code } }"""


@pytest.fixture(scope="module")
async def scene(
    postgres: EmbeddedPostgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Scene]:
    folder = tmp_path_factory.mktemp("hub")
    async with open_scene(
        postgres, migrated_template, folder, max_file_bytes=200_000, max_files_per_upload=5
    ) as opened:
        yield opened


async def segment(person: Person, project: str) -> None:
    """Find cells in all images of a project."""
    await person.do("requestSegmentation", "{ batchId }", projectId=project)
    claimed = await person.do(
        "claimSegmentationJobs", "{ claimed { lease job { id } } }", worker="w", limit=100
    )
    for entry in claimed["claimed"]:
        await person.do(
            "completeSegmentation",
            "{ image { id } }",
            queueId=entry["job"]["id"],
            lease=entry["lease"],
            polygons={"type": "FeatureCollection", "features": []},
        )


async def test_an_original_is_served_as_it_came_and_a_thumbnail_can_be_seen(
    scene: Scene, ada: Person
) -> None:
    project = await scene.project(ada)
    content = (SAMPLES / "tissue-he.jpg").read_bytes()
    [image] = (await ada.upload(project, ("gewebe-äöü.png", content), fields=FILE))["images"]
    assert image["mimeType"] == "image/jpeg"
    assert image["sizeBytes"] == len(content)
    assert image["checksum"] == hashlib.sha256(content).hexdigest()
    assert image["url"].startswith(f"{scene.hub.url}/files/")
    original = await scene.hub.http.get(image["url"])
    assert original.content == content
    assert original.headers["content-type"] == "image/jpeg"
    assert original.headers["x-content-type-options"] == "nosniff"
    assert original.headers["etag"]
    assert "gewebe-%C3%A4%C3%B6%C3%BC.png" in original.headers["content-disposition"]
    part = await scene.hub.http.get(image["url"], headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, content[10:20])
    again = await scene.hub.http.get(
        image["url"], headers={"If-None-Match": original.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    thumbnail = await scene.hub.http.get(image["thumbnailUrl"])
    assert thumbnail.headers["content-type"] == "image/webp"
    with Picture.open(io.BytesIO(thumbnail.content)) as picture:
        assert picture.format == "WEBP"
        assert max(picture.size) == 300
        assert picture.width / picture.height == pytest.approx(
            image["width"] / image["height"], rel=0.01
        )


async def test_an_address_is_good_for_its_file_only(scene: Scene, ada: Person) -> None:
    project = await scene.project(ada)
    uploaded = await ada.upload(project, ("a.png", png(1)), ("b.png", png(2)), fields=FILE)
    first, second = (image["url"] for image in uploaded["images"])
    mixed = second.partition("?")[0] + "?" + first.partition("?")[2]
    assert (await scene.hub.http.get(mixed)).status_code == 403
    assert (await scene.hub.http.get(first.partition("?")[0])).status_code == 403
    assert (await scene.hub.http.get(first)).content == png(1)


async def test_files_vanish_with_their_images(scene: Scene, ada: Person) -> None:
    project = await scene.project(ada)
    uploaded = await ada.upload(project, *((f"{n}.png", png(n)) for n in range(3)), fields=FILE)
    first, second, third = uploaded["images"]
    ids = [image["id"] for image in uploaded["images"]]
    assert scene.files_of(project) == keys_of(project, *ids)
    deleted = await ada.do("deleteImages", "{ deletedIds }", imageIds=ids[:2])
    assert deleted == {"deletedIds": ids[:2]}
    assert scene.files_of(project) == keys_of(project, ids[2])
    for image in (first, second):
        for address in (image["url"], image["thumbnailUrl"]):
            assert (await scene.hub.http.get(address)).status_code == 404
    assert (await scene.hub.http.get(third["url"])).content == png(2)
    await ada.do("deleteImage", "{ deletedIds }", imageId=ids[2])
    assert scene.files_of(project) == set()
    assert (await numbers(ada, project))["storageBytes"] == 0


async def test_all_files_vanish_with_their_project(scene: Scene, ada: Person) -> None:
    project, other = await scene.project(ada), await scene.project(ada)
    await ada.upload(project, ("a.png", png(1)), ("b.png", png(2)))
    kept = (await ada.upload(other, ("c.png", png(3))))["images"][0]["id"]
    await segment(ada, project)
    assert len(scene.files_of(project)) == 2 * 2 + 2
    await ada.do("deleteProject", "{ projectId }", projectId=project)
    assert scene.files_of(project) == set()
    assert not (scene.blobs / "projects" / str(project_key(project))).exists()
    assert scene.files_of(other) == keys_of(other, kept)


async def test_names_that_come_and_go_are_not_interned(
    scene: Scene, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python 3.12 before 3.12.7 never forgets what is interned; others enlarge their table."""
    interned: set[str] = set()
    intern = sys.intern

    def interning(name: str) -> str:
        interned.add(name)
        return intern(name)

    monkeypatch.setattr(sys, "intern", interning)
    Path("the way", "that is watched")
    project = await scene.project(ada)
    files = (("first of all.png", png(1)), ("another.png", png(2)))
    first, other = (await ada.upload(project, *files))["images"]
    await ada.do("deleteImage", "{ deletedIds }", imageId=first["id"])
    await ada.do("deleteProject", "{ projectId }", projectId=project)
    passing = {str(project_key(project)), *(name for name, _ in files)}
    passing |= {str(image_key(image["id"])) for image in (first, other)}
    assert interned.isdisjoint(passing)
    assert "that is watched" in interned or sys.version_info >= (3, 14)


async def test_images_are_deleted_all_or_none(scene: Scene, ada: Person) -> None:
    project, other = await scene.project(ada), await scene.project(ada)
    images = await scene.images(project, ada, 3)
    [elsewhere] = await scene.images(other, ada, 1)
    gone = images.pop()
    await ada.do("deleteImage", "{ deletedIds }", imageId=gone)
    before = await numbers(ada, project)
    for ids, code, said in (
        ([], "BAD_USER_INPUT", "empty"),
        ([images[0], images[0]], "BAD_USER_INPUT", "twice"),
        ([images[0], elsewhere], "BAD_USER_INPUT", "several projects"),
        ([absent(Kind.IMAGE) for _ in range(1001)], "BAD_USER_INPUT", "1001"),
        ([images[0], absent(Kind.IMAGE)], "NOT_FOUND", "no such image"),
        ([images[0], gone], "NOT_FOUND", "no such image"),
        ([images[0], project], "NOT_FOUND", ""),
        ([images[0], "img_"], "NOT_FOUND", ""),
    ):
        refused, message = await refusal(ada.do("deleteImages", "{ deletedIds }", imageIds=ids))
        assert refused == code
        assert said in message
    assert await numbers(ada, project) == before
    assert (await numbers(ada, other))["imageCount"] == 1


async def test_a_thousand_images_go_in_one_call(scene: Scene, ada: Person) -> None:
    project = await scene.project(ada)
    images = await scene.images(project, ada, 1001)
    deleted = await ada.do(
        "deleteImages",
        "{ deletedIds project { stats { imageCount revision } } }",
        imageIds=images[:0:-1],
    )
    assert deleted["deletedIds"] == images[:0:-1]
    # One for the project, one for each image that came, and one for each that went, in this order.
    assert deleted["project"]["stats"] == {"imageCount": 1, "revision": 1 + 1001 + 1000}
    buried = await scene.lab.rows(
        "SELECT id FROM image_tombstones WHERE project_id = :id ORDER BY revision",
        id=project_key(project),
    )
    assert [row.id for row in buried] == [image_key(image) for image in images[:0:-1]]


async def test_two_who_delete_the_same_images_agree(scene: Scene, ada: Person) -> None:
    project = await scene.project(ada)
    images = await scene.images(project, ada, 20)
    calls = [
        ada.post(
            "mutation($i: DeleteImagesInput!) { deleteImages(input: $i) { deletedIds } }",
            i={"imageIds": images},
        )
        for _ in range(4)
    ]
    outcomes = [
        got["errors"][0]["extensions"]["code"] if "errors" in got else "deleted"
        for got in await asyncio.gather(*calls)
    ]
    assert sorted(outcomes) == ["NOT_FOUND"] * 3 + ["deleted"]
    found = await numbers(ada, project)
    assert (found["imageCount"], found["revision"]) == (0, 1 + 20 + 20)


async def test_garbage_is_what_has_no_row_and_is_old(scene: Scene, ada: Person) -> None:
    project = await scene.project(ada)
    [image] = (await ada.upload(project, ("a.png", png())))["images"]
    await segment(ada, project)
    shown = await ada.ask("query($id: ID!) { image(id: $id) { deepZoomUrl } }", id=image["id"])
    assert (await scene.hub.http.get(shown["image"]["deepZoomUrl"])).status_code == 200
    kept = scene.files()
    key = project_key(project)
    assert pyramid_key(key, image_key(image["id"])) in kept
    orphans = {
        original_key(key, uuid4()),
        thumbnail_key(key, uuid4()),
        polygons_key(key, uuid4()),
        pyramid_key(key, uuid4()),
        original_key(uuid4(), uuid4()),
    }
    young, foreign = original_key(key, uuid4()), "projects/README.txt"
    unfinished = f"{original_key(key, uuid4())}#1"
    for name in (*orphans, young, foreign, unfinished):
        path = scene.blobs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    _age(scene, kept | orphans | {foreign, unfinished})
    collected = await gc.collect(_settings(scene))
    assert (collected.blobs, collected.unfinished) == (len(orphans), 1)
    assert scene.files() == kept | {young, foreign}
    assert keys_of(project, image["id"]) <= kept
    (scene.blobs / young).unlink()
    (scene.blobs / foreign).unlink()


async def test_garbage_collection_finds_what_a_deletion_left_behind(
    scene: Scene, ada: Person
) -> None:
    project = await scene.project(ada)
    [image] = (await ada.upload(project, ("a.png", png())))["images"]
    before = scene.files() - keys_of(project, image["id"])
    row = await scene.lab.image(image_key(image["id"]))
    await scene.lab.delete_images([row], user_key(ada))
    assert (await gc.collect(_settings(scene))).blobs == 0
    assert scene.files() > before
    collected = await gc.collect(_settings(scene), older_than_seconds=0)
    assert collected.blobs == 2
    assert scene.files() == before


async def test_old_tombstones_are_collected(scene: Scene, ada: Person) -> None:
    project = await scene.project(ada)
    images = await scene.images(project, ada, 3)
    await gc.collect(_settings(scene))
    await ada.do("deleteImages", "{ deletedIds }", imageIds=images)
    async with scene.lab.database.transaction() as unit:
        await unit.connection.execute(
            Statement(
                "UPDATE image_tombstones SET deleted_at = deleted_at - INTERVAL '31 days'"
                " WHERE id = :id"
            ),
            {"id": image_key(images[0])},
        )
    assert (await gc.collect(_settings(scene))).tombstones == 1
    left = await scene.lab.rows(
        "SELECT id FROM image_tombstones WHERE project_id = :id", id=project_key(project)
    )
    assert {row.id for row in left} == {image_key(image) for image in images[1:]}


def _settings(scene: Scene) -> Settings:
    return Settings(
        data_dir=scene.folder,
        database_url=scene.database_url,
        secret_key=SecretStr("a secret of tests, long enough for it"),
    )


def _age(scene: Scene, keys: set[str]) -> None:
    """Let the files be two days old."""
    then = time.time() - 2 * 24 * 3600
    for key in keys:
        os.utime(scene.blobs / key, (then, then))
