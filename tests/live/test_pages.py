"""Pages of images and projects: complete, in order, and found by status and name."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from schema.ids import Kind
from tests.hubs import Person
from tests.live.pictures import png
from tests.live.scenes import Scene, absent

IMAGES = """
  query($id: ID!, $first: Int, $after: String, $status: [SegmentationStatus!], $search: String) {
    project(id: $id) {
      images(first: $first, after: $after, status: $status, search: $search) {
        totalCount
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        edges { cursor node { id name status } }
      }
    }
  }
"""
PROJECTS = """
  query($first: Int, $after: String, $search: String) {
    projects(first: $first, after: $after, search: $search) {
      totalCount
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      edges { cursor node { id name } }
    }
  }
"""


PAGES: dict[str, dict[str, Any]] = {
    "first: 0": {"first": 0},
    "first: -1": {"first": -1},
    "first: 501": {"first": 501},
    "no cursor": {"after": "x"},
    "an empty cursor": {"after": ""},
    "another kind's cursor": {"after": absent(Kind.USER)},
}


@pytest.mark.parametrize("what", PAGES)
async def test_a_page_that_can_not_be_is_refused(what: str, scene: Scene, ada: Person) -> None:
    project = await scene.project(ada)
    for answer in (
        await ada.post(PROJECTS, **PAGES[what]),
        await ada.post(IMAGES, id=project, **PAGES[what]),
    ):
        [error] = answer["errors"]
        assert error["extensions"] == {"code": "BAD_USER_INPUT"}
        assert next(iter(PAGES[what])) in error["message"]
        assert error["locations"]


async def test_pages_of_images_follow_each_other_newest_first(scene: Scene, ada: Person) -> None:
    project = await scene.project(ada)
    images = await scene.images(project, ada, 120)
    pages = [page async for page in _pages(ada, IMAGES, id=project, first=50)]
    assert [len(page["edges"]) for page in pages] == [50, 50, 20]
    assert [page["totalCount"] for page in pages] == [120] * 3
    found = [edge["node"]["id"] for page in pages for edge in page["edges"]]
    assert found == images[::-1] == sorted(images, reverse=True)
    for number, page in enumerate(pages):
        assert page["pageInfo"] == {
            "hasNextPage": number < 2,
            "hasPreviousPage": number > 0,
            "startCursor": page["edges"][0]["cursor"],
            "endCursor": page["edges"][-1]["cursor"],
        }


async def test_what_is_added_or_deleted_meanwhile_moves_no_page(scene: Scene, ada: Person) -> None:
    project = await scene.project(ada)
    images = await scene.images(project, ada, 12)
    first = await _page(ada, IMAGES, id=project, first=5)
    await scene.images(project, ada, 3)
    await ada.do("deleteImages", "{ deletedIds }", imageIds=[images[7], images[6]])
    # images[7] is the edge at which the next page begins.
    assert first["pageInfo"]["endCursor"] == images[7]
    second = await _page(ada, IMAGES, id=project, first=5, after=images[7])
    assert [edge["node"]["id"] for edge in second["edges"]] == images[1:6][::-1]
    assert second["totalCount"] == 13


async def test_a_page_without_a_size_has_fifty(scene: Scene, ada: Person) -> None:
    project = await scene.project(ada)
    await scene.images(project, ada, 501)
    assert len((await _page(ada, IMAGES, id=project))["edges"]) == 50
    largest = await _page(ada, IMAGES, id=project, first=500)
    assert len(largest["edges"]) == 500
    assert largest["pageInfo"]["hasNextPage"]


async def test_images_are_found_by_status(scene: Scene, ada: Person) -> None:
    project = await scene.project(ada)
    images = await scene.images(project, ada, 9)
    for status, some in (("QUEUED", images[:6]), ("PROCESSING", images[:2])):
        changes = [{"imageId": image, "status": status} for image in some]
        await ada.do("setSegmentationStatuses", "{ images { id } }", changes=changes)
    for statuses, expected in (
        (["UPLOADED"], images[6:]),
        (["QUEUED"], images[2:6]),
        (["PROCESSING", "UPLOADED"], images[:2] + images[6:]),
        (["QUEUED", "QUEUED"], images[2:6]),
        (["FAILED"], []),
        ([], []),
    ):
        pages = [page async for page in _pages(ada, IMAGES, id=project, first=2, status=statuses)]
        found = [edge["node"]["id"] for page in pages for edge in page["edges"]]
        assert found == expected[::-1], statuses
        assert {page["totalCount"] for page in pages} == {len(expected)}
    empty = await _page(ada, IMAGES, id=project, status=["FAILED"])
    assert empty["pageInfo"] == {
        "hasNextPage": False,
        "hasPreviousPage": False,
        "startCursor": None,
        "endCursor": None,
    }


async def test_a_search_takes_every_character_literally(scene: Scene, ada: Person) -> None:
    project = await scene.project(ada)
    names = ("100%.png", "1000.png", "a_b.png", "aXb.png", "Größe.png", "10\u00b5m.png")
    await ada.upload(project, *((name, png(shade)) for shade, name in enumerate(names)))
    for search, expected in (
        ("0%", ["100%.png"]),
        ("A_B", ["a_b.png"]),
        ("%", ["100%.png"]),
        ("_", ["a_b.png"]),
        ("\\", []),
        ("größe", ["Größe.png"]),
        ("µ", ["10µm.png"]),
        ("10", ["10µm.png", "1000.png", "100%.png"]),
        ("'", []),
        ("", [*names[::-1]]),
    ):
        page = await _page(ada, IMAGES, id=project, search=search)
        assert [edge["node"]["name"] for edge in page["edges"]] == expected, search
        assert page["totalCount"] == len(expected)
        both = await _page(ada, IMAGES, id=project, search=search, status=["UPLOADED"])
        assert both == page
        none = await _page(ada, IMAGES, id=project, search=search, status=["FAILED"])
        assert (none["edges"], none["totalCount"]) == ([], 0)


async def test_projects_are_paged_and_searched_alike(scene: Scene) -> None:
    ben = await scene.hub.person("Ben")
    names = [f"P{number} {'50%_' if number % 3 else chr(92)}" for number in range(25)]
    for name in names:
        await ben.do("createProject", "{ project { id } }", name=name)
    pages = [page async for page in _pages(ben, PROJECTS, first=10)]
    assert [len(page["edges"]) for page in pages] == [10, 10, 5]
    assert {page["totalCount"] for page in pages} == {25}
    found = [edge["node"]["name"] for page in pages for edge in page["edges"]]
    assert found == names[::-1]
    for search in ("50%_", "\\", "p1", "%%", "5_%"):
        page = await _page(ben, PROJECTS, search=search)
        expected = [name for name in names if search.lower() in name.lower()]
        assert [edge["node"]["name"] for edge in page["edges"]] == expected[::-1], search
        assert page["totalCount"] == len(expected)


async def test_cursors_are_good_until_they_are_used(scene: Scene, ada: Person) -> None:
    project = await scene.project(ada)
    images = await scene.images(project, ada, 4)
    await ada.do("deleteImages", "{ deletedIds }", imageIds=[images[2]])
    behind = await _page(ada, IMAGES, id=project, after=images[2])
    assert [edge["node"]["id"] for edge in behind["edges"]] == images[:2][::-1]


async def _page(person: Person, document: str, **variables: Any) -> dict[str, Any]:
    data = await person.ask(document, **variables)
    page: dict[str, Any] = data["project"]["images"] if "project" in data else data["projects"]
    return page


async def _pages(person: Person, document: str, **variables: Any) -> AsyncIterator[dict[str, Any]]:
    """Yield pages until there is no next one."""
    after: str | None = None
    while True:
        page = await _page(person, document, after=after, **variables)
        yield page
        if not page["pageInfo"]["hasNextPage"]:
            return
        after = page["pageInfo"]["endCursor"]
