"""What people change: images, projects, and who may see them."""

import random
from collections.abc import Awaitable, Callable

from benchmarks.soak.people import Person, Project, World, sign_in
from benchmarks.soak.visits import until_closed

_MOVES = {
    "UPLOADED": "QUEUED",
    "QUEUED": "PROCESSING",
    "PROCESSING": "SEGMENTED",
    "SEGMENTED": "QUEUED",
}
_MOST_PROJECTS, _MOST_IMAGES = 12, 40
_CELL = {"type": "Polygon", "coordinates": [[[1, 1], [9, 1], [9, 9], [1, 1]]]}


async def upload(world: World) -> None:
    """Upload some real images, or delete some where there are many already."""
    project = world.project()
    if len(project.images) > _MOST_IMAGES:
        await delete(world)
        return
    files = random.choices(world.files, k=random.randint(1, 3))
    for image in await world.editor(project).upload(project.id, files):
        project.images[image] = "UPLOADED"


async def delete(world: World) -> None:
    """Delete some images of a project."""
    project = world.project()
    images = random.sample(list(project.images), k=min(10, len(project.images)))
    if images:
        await world.editor(project).do("deleteImages", "{ deletedIds }", imageIds=images)
        for image in images:
            project.images.pop(image, None)


async def move_one(world: World) -> None:
    """Set the status of an image."""
    project = world.project()
    if movable := [image for image, status in project.images.items() if status in _MOVES]:
        image = random.choice(movable)
        status = _MOVES[project.images[image]]
        await world.editor(project).do(
            "setSegmentationStatus", "{ image { id } }", imageId=image, status=status
        )
        project.images[image] = status


async def move_many(world: World) -> None:
    """Set the statuses of all images of a project at once."""
    project = world.project()
    changes = [
        {"imageId": image, "status": _MOVES[status]}
        for image, status in project.images.items()
        if status in _MOVES
    ]
    if changes:
        await world.editor(project).do(
            "setSegmentationStatuses", "{ images { id } }", changes=changes
        )
        project.images.update((str(change["imageId"]), change["status"]) for change in changes)


async def segment(world: World) -> None:
    """Ask for the segmentation of a project; then do, fail or cancel it, as a worker."""
    project = world.project()
    person = project.owner
    await person.do("requestSegmentation", "{ batchId }", projectId=project.id, force=True)
    claimed = await person.do(
        "claimSegmentationJobs",
        "{ claimed { lease job { id image { id } } } }",
        worker="soak",
        limit=5,
    )
    for claim in claimed["claimed"]:
        handle = {"queueId": claim["job"]["id"], "lease": claim["lease"]}
        if random.random() < 0.8:
            shapes = {"type": "GeometryCollection", "geometries": [_CELL]}
            await person.do("completeSegmentation", "{ image { id } }", **handle, polygons=shapes)
        else:
            error = {"code": "TIMEOUT", "message": "Too slow.", "retryable": False}
            await person.do("failSegmentation", "{ image { id } }", **handle, error=error)
    await person.do("cancelSegmentation", "{ cancelledCount }", projectId=project.id)


async def look(world: World) -> None:
    """Learn again where the images of a project stand."""
    project = world.project()
    project.images = await project.owner.images(project.id)


async def rename(world: World) -> None:
    """Give a project another name."""
    project = world.project()
    name = f"project {random.randrange(1_000)}"
    await project.owner.do("updateProject", "{ project { id } }", projectId=project.id, name=name)


async def share(world: World) -> None:
    """Share a project with somebody, or change what they may do in it."""
    project = world.project()
    guest = random.choice(world.people)
    if guest is not project.owner:
        role = random.choice(("VIEWER", "EDITOR"))
        await project.owner.do(
            "shareProject",
            "{ project { id } }",
            projectId=project.id,
            email=guest.email,
            role=role,
        )
        project.guests[guest] = role


async def revoke(world: World) -> None:
    """Shut somebody out."""
    project = world.project()
    guest = random.choice(world.people)
    if guest is not project.owner:
        project.guests.pop(guest, None)
        await project.owner.do(
            "revokeAccess", "{ project { id } }", projectId=project.id, userId=guest.id
        )


async def found_or_end(world: World) -> None:
    """Create a project, or delete one where there are many."""
    if len(world.projects) < _MOST_PROJECTS:
        await found(world, random.choice(world.people))
    else:
        project = world.projects.pop(random.randrange(len(world.projects)))
        await project.owner.do("deleteProject", "{ projectId }", projectId=project.id)


async def found(world: World, owner: Person) -> None:
    """Create a project."""
    created = await owner.do("createProject", "{ project { id } }", name="project")
    world.projects.append(Project(created["project"]["id"], owner))


async def come_and_go(world: World) -> None:
    """Sign in, connect, and sign out: the hub has to close the socket."""
    guest = await sign_in(random.choice(world.people))
    code = await until_closed(world, guest)
    if code != 4403:
        world.problems[f"a socket whose session ended was closed with {code}"] += 1


ACTS: dict[Callable[[World], Awaitable[None]], float] = {
    upload: 2,
    delete: 0.5,
    move_one: 10,
    move_many: 2,
    segment: 1,
    look: 4,
    rename: 1,
    share: 2,
    revoke: 2,
    found_or_end: 0.5,
    come_and_go: 0.3,
}
"""What there is to do, and how often it is chosen."""
