"""Workers from outside: they learn of work, serve who they may, give back what they can't do."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from persistence import claim as claims
from persistence.claim import Scope
from persistence.database import Connection
from resolvers import worker_keys
from resolvers.live.jobs import SECONDS_BETWEEN_UPDATES
from tests.hubs import GraphQLFailed, Person
from tests.live.scenes import Scene, project_key, refusal, user_key
from tests.live.working import claim, complete, report, request, with_key, worker

WORK = "subscription($models: [String!]) { segmentationJobsAvailable(models: $models) { waiting } }"
KEY = 'mutation { createApiKey(input: {name: "mine"}) { secret } }'


async def test_a_worker_hears_of_work_at_once_and_of_its_models_only(
    scene: Scene, ada: Person
) -> None:
    bench = await worker(scene)
    project = await scene.project(ada)
    images = await scene.images(project, ada, 3)
    async with bench.connected() as socket:
        work = socket.watch(WORK, models=["a model of hers"])
        others = socket.watch(WORK, models=["another"])
        await work.until(lambda events: events == [{"waiting": 0}])
        await others.until(lambda events: events == [{"waiting": 0}])
        await request(ada, project, *images, model="a model of hers")
        await work.until(lambda events: {"waiting": 3} in events, seconds=2)
        await request(ada, await another_project(scene, ada), model="another")
        await others.until(lambda events: {"waiting": 1} in events, seconds=2)
        assert {"waiting": 4} not in work.events


async def test_many_words_about_others_work_are_looked_into_a_few_times(
    scene: Scene, ada: Person, ben: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    look = claims.waiting

    async def noted(connection: Connection, scope: Scope) -> claims.Waiting:
        looks.append(scope)
        return await look(connection, scope)

    monkeypatch.setattr(claims, "waiting", noted)
    project = await scene.project(ada)
    images = await scene.images(project, ada, 40)
    async with ben.connected() as socket:
        work = socket.watch(WORK)
        await work.until(lambda events: events == [{"waiting": 0}])
        began = time.monotonic()
        for image in images:
            await request(ada, project, image, model="busy")
        seconds = time.monotonic() - began
    assert 1 < len(looks) <= 2 + seconds / SECONDS_BETWEEN_UPDATES


async def another_project(scene: Scene, ada: Person) -> str:
    project = await scene.project(ada)
    await scene.images(project, ada, 1)
    return project


async def test_a_worker_is_reminded_of_what_was_queued_without_a_word(
    scene: Scene, ada: Person
) -> None:
    bench = await worker(scene)
    project = await scene.project(ada)
    async with bench.connected() as socket:
        work = socket.watch(WORK, models=["unheard of"])
        await work.until(lambda events: events == [{"waiting": 0}])
        images = await scene.lab.images(project_key(project), user_key(ada), 2)
        await scene.lab.enqueue(images, user_key(ada), model="unheard of")
        await work.until(lambda events: {"waiting": 2} in events)


async def test_jobs_that_rest_are_told_of_when_they_are_available(
    scene: Scene, ada: Person
) -> None:
    bench = await worker(scene)
    project = await scene.project(ada)
    await scene.images(project, ada, 1)
    await request(ada, project, model="restless")
    [job] = await claim(bench, models=["restless"])
    error = {"code": "TIMEOUT", "message": "Slow.", "retryable": True}
    await bench.do("failSegmentation", "{ image { status } }", error=error, **job["proof"])
    async with bench.connected() as socket:
        work = socket.watch(WORK, models=["restless"])
        await work.until(lambda events: events == [{"waiting": 1}])
        assert await claim(bench, models=["restless"]) == []
        await scene.lab.end_rests()
        await work.until(lambda events: len(events) > 1)
        [again] = await claim(bench, models=["restless"])
    assert again["attempt"] == 2


async def test_a_worker_key_serves_all_projects_and_shows_none(scene: Scene, ada: Person) -> None:
    bench = await worker(scene)
    project = await scene.project(ada)
    [image] = await scene.images(project, ada, 1)
    await request(ada, project, model="shared")
    [job] = await claim(bench, models=["shared"])
    assert job["image"]["id"] == image
    await report(bench, job, 0.5)
    assert (await complete(bench, job))["status"] == "SEGMENTED"
    hidden = await bench.ask(
        "query($p: ID!, $i: ID!) { project(id: $p) { id } image(id: $i) { id } }",
        p=project,
        i=image,
    )
    assert hidden == {"project": None, "image": None}
    for mutation, values in (
        ("deleteImage", {"imageId": image}),
        ("requestSegmentation", {"projectId": project}),
        ("setSegmentationStatus", {"imageId": image, "status": "QUEUED"}),
        ("cancelSegmentation", {"projectId": project}),
    ):
        code, _ = await refusal(bench.do(mutation, "{ project { id } }", **values))
        assert code == "NOT_FOUND"


async def test_a_worker_key_is_not_shown_the_project_of_a_job_that_it_ends(
    scene: Scene, ada: Person
) -> None:
    bench = await worker(scene)
    project = await scene.project(ada)
    await scene.images(project, ada, 3)
    await request(ada, project, model="nosy")
    error = {"code": "TIMEOUT", "message": "Slow.", "retryable": False}
    shapes = {"type": "GeometryCollection", "geometries": []}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("releaseSegmentation", {}),
        ("failSegmentation", {"error": error}),
        ("completeSegmentation", {"polygons": shapes}),
    ]
    for mutation, values in calls:
        [job] = await claim(bench, models=["nosy"])
        asked = "{ project { members { user { email } } images { edges { node { url } } } } }"
        code, _ = await refusal(bench.do(mutation, asked, **values, **job["proof"]))
        assert code == "NOT_FOUND"
    code, _ = await refusal(
        bench.ask(
            """mutation($worker: ClaimSegmentationJobsInput!) {
            claimSegmentationJobs(input: $worker) { claimed { job { image { project { id } } } } }
            }""",
            worker={"worker": "bench", "models": ["nosy"]},
        )
    )
    assert code == "NOT_FOUND"


async def test_a_worker_key_makes_no_projects(scene: Scene) -> None:
    bench = await worker(scene)
    code, _ = await refusal(bench.do("createProject", "{ project { id } }", name="Mine"))
    assert code == "FORBIDDEN"


async def test_a_key_of_a_person_serves_only_what_the_person_may_edit(
    scene: Scene, ada: Person, ben: Person
) -> None:
    program = with_key(scene, (await ben.ask(KEY))["createApiKey"]["secret"])
    strange = await scene.project(ada, viewer=ben)
    await scene.images(strange, ada, 1)
    own = await scene.project(ada, editor=ben)
    [image] = await scene.images(own, ada, 1)
    for project in (strange, own):
        await request(ada, project, model="picky")
    [job] = await claim(program, 10, models=["picky"])
    assert job["image"]["id"] == image


async def test_a_worker_key_that_is_withdrawn_is_good_for_nothing_any_more(
    scene: Scene, ada: Person
) -> None:
    bench = await worker(scene, "old machine")
    other = await worker(scene, "new machine")
    async with bench.connected() as socket:
        work = socket.watch(WORK)
        await work.until(lambda events: events)
        gone = await worker_keys.withdraw(
            scene.lab.database, name="old machine", now=datetime.now(UTC)
        )
        assert gone == 1
        await work.end()
    with pytest.raises(GraphQLFailed) as failure:
        await claim(bench)
    assert failure.value.code == "UNAUTHENTICATED"
    await claim(other)


async def test_nobody_signs_in_to_the_account_of_the_workers(scene: Scene) -> None:
    await worker(scene)
    nobody = scene.hub.nobody()
    for password in ("", "none", "the cells divide at dawn"):
        code, _ = await refusal(
            nobody.do("signIn", "{ accessToken }", email=worker_keys.EMAIL, password=password)
        )
        assert code in {"UNAUTHENTICATED", "BAD_USER_INPUT"}
    code, _ = await refusal(
        nobody.do(
            "signUp",
            "{ accessToken }",
            email=worker_keys.EMAIL,
            password="the cells divide at dawn",
            name="Workers",
        )
    )
    assert code == "BAD_USER_INPUT"


async def test_a_job_that_is_released_is_there_for_others_at_once(
    scene: Scene, ada: Person
) -> None:
    bench, other = await worker(scene), await worker(scene)
    project = await scene.project(ada)
    await scene.images(project, ada, 1)
    await request(ada, project, model="given back")
    [job] = await claim(bench, models=["given back"])
    released = await bench.do("releaseSegmentation", "{ image { status } }", **job["proof"])
    assert released == {"image": {"status": "QUEUED"}}
    [again] = await claim(other, models=["given back"])
    assert (again["id"], again["attempt"]) == (job["id"], 1)
    code, _ = await refusal(complete(bench, job))
    assert code == "CONFLICT"


async def test_a_run_says_what_it_was_made_with(scene: Scene, ada: Person) -> None:
    bench = await worker(scene)
    project = await scene.project(ada)
    [image] = await scene.images(project, ada, 1)
    await request(ada, project, model="documented", threshold=0.5)
    [job] = await claim(bench, models=["documented"])
    made_with = {"sigma": [1.5, 2], "tile": {"size": 1024}, "name": "ü", "text": "\\u0000"}
    shapes = {"type": "GeometryCollection", "geometries": []}
    for bad in ({"x": "y" * 10_000}, {"x": "\0"}, {"\0": 1}, {"x": "\\\0"}, nested(900)):
        code, _ = await refusal(
            bench.do(
                "completeSegmentation",
                "{ image { id } }",
                polygons=shapes,
                parameters=bad,
                **job["proof"],
            )
        )
        assert code == "BAD_USER_INPUT"
    await bench.do(
        "completeSegmentation",
        "{ image { id } }",
        polygons=shapes,
        modelVersion="1.2.3",
        parameters=made_with,
        **job["proof"],
    )
    found = await ada.ask(
        """query($id: ID!) { image(id: $id) { checksum segmentation {
            model threshold modelVersion parameters imageChecksum } } }""",
        id=image,
    )
    assert found["image"]["segmentation"] == {
        "model": "documented",
        "threshold": 0.5,
        "modelVersion": "1.2.3",
        "parameters": made_with,
        "imageChecksum": found["image"]["checksum"],
    }


def nested(depth: int) -> dict[str, Any]:
    """Return objects within each other, of more characters than are taken."""
    made: dict[str, Any] = {"a": "a" * 20_000}
    for _ in range(depth):
        made = {"a": made}
    return made
