"""What people do to projects over and over."""

from tests.hubs import Person


async def share(owner: Person, project_id: str, guest: Person, role: str = "VIEWER") -> None:
    await owner.do(
        "shareProject", "{ project { id } }", projectId=project_id, email=guest.email, role=role
    )


async def revoke(owner: Person, project_id: str, guest: Person) -> int:
    """End a membership; return the project's revision."""
    done = await owner.do(
        "revokeAccess",
        "{ project { stats { revision } } }",
        projectId=project_id,
        userId=guest.id,
    )
    revision: int = done["project"]["stats"]["revision"]
    return revision


async def set_status(person: Person, status: str, *images: str) -> None:
    changes = [{"imageId": image, "status": status} for image in images]
    await person.do("setSegmentationStatuses", "{ images { id } }", changes=changes)
