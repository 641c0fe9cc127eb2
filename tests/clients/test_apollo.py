"""Apollo Client over graphql-ws, against a hub."""

from tests.clients.libraries import client
from tests.faults.model import PROJECT_UPDATED, SEGMENTATION_UPDATED
from tests.hubs import Hub, Person
from tests.live.pictures import png


async def test_a_subscription_begins_with_the_state_and_goes_on_with_each_change(
    hub: Hub, ada: Person, token: str, project: str
) -> None:
    async with client("apollo", hub.url, token) as node:
        node.subscribe("numbers", PROJECT_UPDATED, projectId=project)
        node.subscribe("expired", SEGMENTATION_UPDATED, projectId=project, after=999)
        await node.until(lambda: node.data_of("numbers") and node.of("expired"))
        await ada.upload(project, ("a.png", png()))
        await node.until(lambda: node.data_of("numbers")[-1]["updates"]["uploadedCount"] == 1)
        assert node.of("expired")[0]["error"]["code"] == "CURSOR_EXPIRED"
        assert node.told("closed") == []
