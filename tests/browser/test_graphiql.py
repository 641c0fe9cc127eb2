"""GraphiQL: the examples run, the token is filled in and kept fresh, and subscriptions heal."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import Browser, expect

from tests.browser.chromium import axe
from tests.browser.explorer import Explorer
from tests.browser.people import PHONE, People, Person, people_at
from tests.faults.processes import hubs
from tests.faults.servers import Postgres

# That its tabs have buttons inside is GraphiQL's own doing.
_SERIOUS = """async () => (await axe.run({ rules: { "nested-interactive": { enabled: false } } }))
    .violations.filter(({ impact }) => ["serious", "critical"].includes(impact))
    .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`))"""
SAMPLES = Path(__file__).parents[2] / "samples"
_KEPT = "Object.entries(localStorage).filter(([key]) => key.startsWith('graphiql')).join()"


async def _at_graphiql(
    people: People, name: str = "Ada", **options: Any
) -> tuple[Person, Explorer]:
    person = await people.visitor(name, **options)
    person.email = f"{name.lower()}-{uuid4().hex[:8]}@example.org"
    explorer = await Explorer(person.page).open(person.url)
    await explorer.sign_up(name, person.email)
    person.api = await people.api_of(person)
    return person, explorer


async def _segment(person: Person) -> None:
    claimed = await person.api.do(
        "claimSegmentationJobs", "{ claimed { lease job { id } } }", worker="tests"
    )
    [job] = claimed["claimed"]
    await person.api.do(
        "completeSegmentation",
        "{ image { status } }",
        queueId=job["job"]["id"],
        lease=job["lease"],
        polygons={"type": "GeometryCollection", "geometries": [_square(10), _square(40)]},
    )


def _square(corner: int) -> dict[str, Any]:
    near, far = corner, corner + 20
    ring = [[near, near], [far, near], [far, far], [near, far], [near, near]]
    return {"type": "Polygon", "coordinates": [ring]}


async def _in_variables(explorer: Explorer, project_id: str) -> None:
    text = await explorer.until("variables", "THE ID OF A PROJECT")
    await explorer.write("variables", text.replace("THE ID OF A PROJECT", project_id))


async def test_the_examples_lead_from_a_project_to_the_cells_in_its_images(people: People) -> None:
    ada, explorer = await _at_graphiql(people)
    await explorer.tab("CreateProject")
    created = await explorer.run("viewerRole")
    project_id = created["data"]["createProject"]["project"]["id"]

    await explorer.tab("UploadImages")
    await _in_variables(explorer, project_id)
    missing = await explorer.run("errors", "UploadImages")
    assert "No file was picked" in missing["errors"][0]["message"]
    await explorer.page.get_by_role("button", name="Show Files").click()
    picked = [SAMPLES / "cell.png", SAMPLES / "ORIGIN.md"]
    await explorer.page.get_by_label("Files", exact=True).set_input_files(picked)
    uploaded = (await explorer.run("rejected", "UploadImages"))["data"]["uploadImages"]
    assert [image["name"] for image in uploaded["images"]] == ["cell.png"]
    assert [file["name"] for file in uploaded["rejected"]] == ["ORIGIN.md"]
    told = await explorer.run('"done": true', "UploadProgressed")
    assert told["data"]["uploadProgressed"]["filesStored"] == 1

    await explorer.tab("RequestSegmentation")
    await _in_variables(explorer, project_id)
    requested = await explorer.run("jobCount")
    assert requested["data"]["requestSegmentation"]["jobCount"] == 1

    await explorer.tab("SegmentationUpdated")
    await _in_variables(explorer, project_id)
    await explorer.run('"QUEUED"')
    await _segment(ada)
    last = json.loads(await explorer.until("result", '"SEGMENTED"'))
    assert last["data"]["segmentationUpdated"]["image"]["segmentation"] == {"cellCount": 2}
    await explorer.start()

    await explorer.tab("Cells")
    await _in_variables(explorer, project_id)
    [edge] = (await explorer.run("totalCount"))["data"]["project"]["images"]["edges"]
    assert edge["node"]["segmentation"]["cellCount"] == 2


async def test_other_examples_tell_what_others_do(people: People) -> None:
    ada, explorer = await _at_graphiql(people)
    await explorer.tab("DashboardUpdated")
    await explorer.run('"projectCount": 0')
    await ada.api.do("createProject", "{ project { id } }", name="Plate 8")
    await explorer.until("result", '"projectCount": 1')
    await explorer.tab("ProjectUpdated")
    await explorer.run("SNAPSHOT")
    await explorer.tab("Projects")
    assert (await explorer.run("totalCount"))["data"]["projects"]["totalCount"] == 1


async def test_nobody_reads_the_schema_and_is_told_to_sign_in_for_more(people: People) -> None:
    nobody = await people.visitor()
    explorer = await Explorer(nobody.page).open(nobody.url)
    await explorer.tab("Projects")
    assert (await explorer.run("errors"))["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    await explorer.tab("ProjectUpdated")
    assert "Account" in (await explorer.run("errors"))["errors"][0]["message"]
    await nobody.page.get_by_role("button", name="Show Documentation Explorer").click()
    await nobody.page.get_by_role("link", name="Subscription").click()
    await expect(nobody.page.get_by_text("misses nothing after it")).to_be_visible()


async def test_the_token_is_in_each_tab_and_goes_with_the_session(people: People) -> None:
    ada, explorer = await _at_graphiql(people)
    token = await explorer.authorization()
    await explorer.tab("Projects")
    assert await explorer.authorization() == token
    assert (await explorer.run("totalCount"))["data"]["projects"]["totalCount"] == 0
    assert token.removeprefix("Bearer ") not in await ada.page.evaluate(_KEPT)
    application = await ada.new_tab("/")
    await expect(application.get_by_role("heading", name="Projects")).to_be_visible()
    await application.get_by_role("button", name="Account of Ada").click()
    await application.get_by_role("menuitem", name="Sign out").click()
    await expect(ada.page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    assert await explorer.text("headers") == ""


async def test_what_is_typed_into_the_headers_wins(people: People) -> None:
    ada, explorer = await _at_graphiql(people)
    ben = await people.person("Ben")
    key = await ben.api.do("createApiKey", "{ secret }", name="GraphiQL")
    await explorer.authorization()
    await explorer.write("headers", json.dumps({"authorization": f"Bearer {key['secret']}"}))
    await explorer.write("operation", "query { viewer { name } }")
    assert (await explorer.run("viewer"))["data"]["viewer"]["name"] == "Ben"
    await ben.api.do("createProject", "{ project { id } }", name="Plate 9")
    await explorer.write("operation", "subscription { dashboardUpdated { projectCount } }")
    dashboard = (await explorer.run("projectCount"))["data"]["dashboardUpdated"]
    assert dashboard["projectCount"] == 1
    await explorer.start()
    ada.witness.excuse("401")
    await explorer.write("headers", '{"Authorization": "Bearer nonsense"}')
    assert "does not take" in (await explorer.run("errors"))["errors"][0]["message"]


async def test_it_heals_after_the_hub_was_away_and_tokens_expired(
    browser: Browser, folder: Path, postgres: Postgres
) -> None:
    async with (
        hubs(folder, postgres.url, postgres.broker_url, access_token_seconds=3) as [hub],
        people_at(browser, hub.url) as people,
    ):
        ada, explorer = await _at_graphiql(people)
        ada.witness.excuse("ERR_CONNECTION_REFUSED|WebSocket connection")
        project = await ada.api.do("createProject", "{ project { id } }", name="Plate 7")
        project_id = project["project"]["id"]
        await explorer.tab("ProjectUpdated")
        await explorer.run("SNAPSHOT")
        token = await explorer.authorization()
        await hub.kill()
        await explorer.until("result", "no connection")
        await hub.start()
        await explorer.until("result", "SNAPSHOT")
        api = await people.api_of(ada)
        changed = await api.do(
            "updateProject",
            "{ project { stats { revision } } }",
            projectId=project_id,
            name="Plate 8",
        )
        # It may come as a snapshot, since the socket ends with each token.
        revision = changed["project"]["stats"]["revision"]
        await explorer.until("result", f'"revision": {revision}')
        assert await explorer.authorization(other_than=token)
        await explorer.start()
        # One that grew old, as in a tab that was not shown for long.
        await explorer.tab("Projects")
        await explorer.write("headers", json.dumps({"Authorization": token}))
        assert (await explorer.run("totalCount"))["data"]["projects"]["totalCount"] == 1


async def test_it_fits_on_a_phone(people: People) -> None:
    nobody = await people.visitor(viewport=PHONE)
    explorer = await Explorer(nobody.page).open(nobody.url)
    await nobody.page.get_by_role("button", name="Hide Account").click()
    width = "document.documentElement.scrollWidth"
    assert await nobody.page.evaluate(width) == PHONE["width"]
    await explorer.tab("Projects")
    await explorer.run("errors")
    await expect(nobody.page.locator(".graphiql-response .view-line").first).to_be_in_viewport()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everybody_can_read_and_use_it(people: People, scheme: str) -> None:
    nobody = await people.visitor(color_scheme=scheme)
    explorer = await Explorer(nobody.page).open(nobody.url)
    await nobody.page.evaluate(axe())
    for panel in ("Account", "Files", "Documentation Explorer"):
        if panel != "Account":
            await nobody.page.get_by_role("button", name=f"Show {panel}").click()
        await expect(nobody.page.locator(".graphiql-plugin")).to_be_visible()
        assert await explorer.page.evaluate(_SERIOUS) == []
