"""Who watches a project's numbers is told when to ask for its name, description and members."""

from tests.hubs import Person
from tests.live.deeds import revoke, share
from tests.live.scenes import Scene

NUMBERS = """subscription($id: ID) { projectUpdated(projectId: $id) {
    revision updates { detailsRevision } } }"""
DETAILS = """query($id: ID!) { project(id: $id) { name members { user { id } }
    stats { detailsRevision } } }"""


async def test_a_client_that_asks_where_the_revision_has_grown_shows_what_is_so(
    scene: Scene, ada: Person, ben: Person
) -> None:
    project = await scene.project(ada)
    rename = "{ project { stats { revision } } }"
    async with ada.connected() as socket:
        stream = socket.watch(NUMBERS, id=project)
        [first] = await stream.until(bool)
        shown = (await ada.ask(DETAILS, id=project))["project"]
        assert shown["stats"] == first["updates"]

        async def catches_up() -> None:
            nonlocal shown
            grown = shown["stats"]["detailsRevision"]
            await stream.until(lambda events: events[-1]["updates"]["detailsRevision"] > grown)
            shown = (await ada.ask(DETAILS, id=project))["project"]
            assert shown["stats"] == stream.events[-1]["updates"]
            assert shown["stats"]["detailsRevision"] == stream.events[-1]["revision"]

        await ada.do("updateProject", rename, projectId=project, name="Nuclei")
        await catches_up()
        assert shown["name"] == "Nuclei"
        await share(ada, project, ben)
        await catches_up()
        assert [member["user"]["id"] for member in shown["members"]] == [ada.id, ben.id]
        await revoke(ada, project, ben)
        await catches_up()
        assert [member["user"]["id"] for member in shown["members"]] == [ada.id]

        before = stream.events[-1]
        await scene.images(project, ada, 2)
        told = await stream.until(lambda events: events[-1]["revision"] > before["revision"])
        assert told[-1]["updates"] == before["updates"]
