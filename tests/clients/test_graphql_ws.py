"""graphql-ws, the library, against a hub."""

import pytest

from tests.clients.libraries import client
from tests.faults.model import PROJECT_UPDATED, SEGMENTATION_UPDATED
from tests.hubs import Hub, Person
from tests.live.pictures import png

RENAME = """mutation($id: ID!, $name: String!) {
    updateProject(input: {projectId: $id, name: $name}) { project { name } } }"""


@pytest.mark.parametrize("lazy", [True, False])
async def test_a_subscription_begins_with_the_state_and_goes_on_with_each_change(
    hub: Hub, ada: Person, token: str, project: str, lazy: bool
) -> None:
    async with client("graphql-ws", hub.url, token, lazy=lazy, keepAlive=50) as node:
        node.subscribe("numbers", PROJECT_UPDATED, projectId=project)
        await node.until(lambda: node.data_of("numbers"))
        await ada.upload(project, ("a.png", png()))
        await node.until(lambda: node.data_of("numbers")[-1]["updates"]["uploadedCount"] == 1)
        first, *_ = told = node.data_of("numbers")
        assert (first["operation"], first["updates"]["uploadedCount"]) == ("SNAPSHOT", 0)
        assert {each["operation"] for each in told[1:]} == {"UPDATED"}
        await node.until(lambda: node.told("pong").count(True) >= 3)

        node.say(id="numbers")
        await node.until(lambda: {"id": "numbers", "complete": True} in node.events)
        if lazy:
            await node.until(lambda: node.told("closed") == [1000])
        node.subscribe("again", PROJECT_UPDATED, projectId=project)
        await node.until(lambda: node.data_of("again"))
        assert len(node.told("connected")) == (2 if lazy else 1)


async def test_queries_and_mutations_are_answered_and_complete(
    hub: Hub, token: str, project: str
) -> None:
    async with client("graphql-ws", hub.url, token) as node:
        node.subscribe("query", "{ viewer { name } }")
        node.subscribe("mutation", RENAME, id=project, name="New")
        await node.until(lambda: len(node.of("query")) == len(node.of("mutation")) == 2)
        assert node.of("query") == [
            {"id": "query", "result": {"data": {"viewer": {"name": "Ada"}}}},
            {"id": "query", "complete": True},
        ]
        assert node.data_of("mutation") == [{"project": {"name": "New"}}]
        assert node.of("mutation")[1] == {"id": "mutation", "complete": True}


async def test_errors_of_an_operation_are_its_own(
    hub: Hub, ada: Person, token: str, project: str
) -> None:
    async with client("graphql-ws", hub.url, token) as node:
        node.subscribe("images", SEGMENTATION_UPDATED, projectId=project)
        node.subscribe("syntax", "subscription {")
        node.subscribe("field", "subscription { nothing }")
        node.subscribe("variable", PROJECT_UPDATED, projectId=[project])
        node.subscribe("absent", PROJECT_UPDATED, projectId=project.replace("prj", "img"))
        node.subscribe("expired", SEGMENTATION_UPDATED, projectId=project, after=999)
        failed = {
            "syntax": "GRAPHQL_PARSE_FAILED",
            "field": "GRAPHQL_VALIDATION_FAILED",
            "variable": "BAD_USER_INPUT",
            "absent": "NOT_FOUND",
            "expired": "CURSOR_EXPIRED",
        }
        await node.until(lambda: all(node.of(key) for key in failed))
        for key, code in failed.items():
            assert node.of(key) == [{"id": key, "error": {"codes": [code]}}]

        await ada.upload(project, ("a.png", png()))
        await node.until(lambda: node.data_of("images"))
        assert node.told("connected") == [True]
        assert node.told("closed") == []


async def test_credentials_that_do_not_hold_close_the_socket_with_4403(
    hub: Hub, project: str
) -> None:
    async with client("graphql-ws", hub.url, "wrong", retryAttempts=0) as node:
        node.subscribe("numbers", PROJECT_UPDATED, projectId=project)
        await node.until(lambda: node.of("numbers"))
        assert node.of("numbers")[0]["error"]["code"] == 4403
        assert node.told("closed") == [4403]


async def test_after_4403_the_client_connects_again_with_credentials_that_it_gets_anew(
    hub: Hub, token: str, project: str
) -> None:
    async with client("graphql-ws", hub.url, "expired", lazy=False) as node:
        node.subscribe("numbers", PROJECT_UPDATED, projectId=project)
        await node.until(lambda: node.told("closed"))
        node.say(token=token)
        await node.until(lambda: node.data_of("numbers"))
        assert set(node.told("closed")) == {4403}
        assert node.told("gaveUp") == []
