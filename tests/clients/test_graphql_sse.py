"""graphql-sse, the library, against a hub's event streams."""

from tests.clients.libraries import client
from tests.faults.model import PROJECT_UPDATED, SEGMENTATION_UPDATED
from tests.hubs import Hub, Person
from tests.live.pictures import png


async def test_a_subscription_begins_with_the_state_and_goes_on_with_each_change(
    hub: Hub, ada: Person, token: str, project: str
) -> None:
    async with client("graphql-sse", hub.url, token) as node:
        node.subscribe("numbers", PROJECT_UPDATED, projectId=project)
        node.subscribe("images", SEGMENTATION_UPDATED, projectId=project, after=0)
        await node.until(lambda: node.data_of("numbers") and len(node.told("connected")) == 2)
        await ada.upload(project, ("a.png", png()))
        await node.until(lambda: node.data_of("numbers")[-1]["updates"]["uploadedCount"] == 1)
        await node.until(lambda: node.data_of("images"))
        assert node.data_of("numbers")[0]["operation"] == "SNAPSHOT"

        node.say(id="numbers")
        await node.until(lambda: {"id": "numbers", "complete": True} in node.events)
        await ada.upload(project, ("b.png", png()))
        await node.until(lambda: len(node.data_of("images")) == 2)


async def test_queries_and_errors_are_told_and_complete(hub: Hub, token: str, project: str) -> None:
    async with client("graphql-sse", hub.url, token) as node:
        node.subscribe("query", "{ viewer { name } }")
        node.subscribe("field", "subscription { nothing }")
        node.subscribe("expired", SEGMENTATION_UPDATED, projectId=project, after=999)
        keys = ("query", "field", "expired")
        await node.until(lambda: all(len(node.of(key)) == 2 for key in keys))
        assert node.data_of("query") == [{"name": "Ada"}]
        for key, code in (
            ("field", "GRAPHQL_VALIDATION_FAILED"),
            ("expired", "CURSOR_EXPIRED"),
        ):
            [error] = node.of(key)[0]["result"]["errors"]
            assert error["extensions"]["code"] == code
        assert all(node.of(key)[1] == {"id": key, "complete": True} for key in keys)


async def test_credentials_that_do_not_hold_are_refused_with_401(hub: Hub, project: str) -> None:
    async with client("graphql-sse", hub.url, "wrong", retryAttempts=0) as node:
        node.subscribe("numbers", PROJECT_UPDATED, projectId=project)
        await node.until(lambda: node.of("numbers"))
        assert node.of("numbers")[0]["error"]["status"] == 401


async def test_a_refused_client_tries_again_with_credentials_that_it_gets_anew(
    hub: Hub, token: str, project: str
) -> None:
    async with client("graphql-sse", hub.url, "expired") as node:
        node.subscribe("numbers", PROJECT_UPDATED, projectId=project)
        await node.until(lambda: node.told("retrying"))
        node.say(token=token)
        await node.until(lambda: node.data_of("numbers"))
