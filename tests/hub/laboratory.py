"""Images with results, on a real hub."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from tests.hubs import Hub, Person

Files = Sequence[tuple[str, bytes]]


async def project_of(person: Person, name: str = "Nuclei") -> str:
    made = await person.do("createProject", "{ project { id } }", name=name)
    project_id: str = made["project"]["id"]
    return project_id


async def segment(person: Person, project_id: str, polygons: Mapping[str, Any]) -> None:
    """Have all images of the project that have no result get this one."""
    await person.do("requestSegmentation", "{ jobCount }", projectId=project_id)
    while claimed := (
        await person.do(
            "claimSegmentationJobs", "{ claimed { lease job { id } } }", worker="w", limit=100
        )
    )["claimed"]:
        for claim in claimed:
            await person.do(
                "completeSegmentation",
                "{ image { id } }",
                queueId=claim["job"]["id"],
                lease=claim["lease"],
                polygons=polygons,
            )


async def segmented(person: Person, files: Files, polygons: Mapping[str, Any]) -> str:
    """Return a project of images that have this result."""
    project_id = await project_of(person)
    uploaded = await person.upload(project_id, *files)
    assert uploaded["rejected"] == []
    await segment(person, project_id, polygons)
    return project_id


async def images_of(person: Person, project_id: str, fields: str) -> list[dict[str, Any]]:
    """Return the images of a project, oldest first."""
    query = f"query($id: ID!) {{ project(id: $id) {{ images {{ edges {{ node {fields} }} }} }} }}"
    found = await person.ask(query, id=project_id)
    return [edge["node"] for edge in reversed(found["project"]["images"]["edges"])]


async def archive_url(person: Person, project_id: str, *formats: str) -> str:
    """Return the address of a project's archive."""
    query = "query($id: ID!, $f: [ExportFormat!]) { project(id: $id) { exportUrl(formats: $f) } }"
    found = await person.ask(query, id=project_id, f=list(formats) or None)
    url: str = found["project"]["exportUrl"]
    return url


async def export(hub: Hub, person: Person, image_id: str, format_: str) -> httpx.Response:
    """Download what an image's latest run found."""
    query = "query($id: ID!, $f: ExportFormat!) { image(id: $id) { exportUrl(format: $f) } }"
    found = await person.ask(query, id=image_id, f=format_)
    return await hub.http.get(found["image"]["exportUrl"])
