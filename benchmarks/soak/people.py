"""People who use the hub, and what they share: what there is, and what happened."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import msgspec

from benchmarks.hubs import PASSWORD

SESSION = "{ user { id email } accessToken refreshToken }"
_STRANGERS = 0.1
_SAMPLES = Path(__file__).parents[2] / "samples"
_UPLOAD = """mutation($input: UploadImagesInput!) { uploadImages(input: $input) {
    images { id } rejected { code } } }"""
_IMAGES = """query($id: ID!) { project(id: $id) {
    images(first: 500) { edges { node { id status } } } } }"""
_OTHER_INPUTS = {"deleteProject": "ProjectIdInput"}


class Refused(Exception):
    """An answer with errors."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(errors)
        self.errors = errors


class Person:
    """Somebody with an account."""

    def __init__(self, http: httpx.AsyncClient, session: dict[str, Any]) -> None:
        self.http = http
        self.id: str = session["user"]["id"]
        self.email: str = session["user"]["email"]
        self.token: str = session["accessToken"]
        self.refresh_token: str = session["refreshToken"]

    @property
    def headers(self) -> dict[str, str]:
        """The credentials."""
        return {"Authorization": f"Bearer {self.token}"}

    async def do(self, mutation: str, fields: str, **values: object) -> dict[str, Any]:
        """Run a mutation with these values as its input; return its payload. Raises Refused."""
        query, variables = _mutation(mutation, fields), {"input": values}
        payload: dict[str, Any] = await _field(self.http, query, self.headers, variables)
        return payload

    async def upload(self, project: str, files: Sequence[Path]) -> list[str]:
        """Upload files; return the ids of the images that were stored. Raises Refused."""
        variables = {"input": {"projectId": project, "files": [None] * len(files)}}
        places = {str(i): [f"variables.input.files.{i}"] for i in range(len(files))}
        response = await self.http.post(
            "/graphql",
            data={
                "operations": msgspec.json.encode(
                    {"query": _UPLOAD, "variables": variables}
                ).decode(),
                "map": msgspec.json.encode(places).decode(),
            },
            files=[(str(i), (file.name, file.read_bytes())) for i, file in enumerate(files)],
            headers=self.headers | {"Apollo-Require-Preflight": "true"},
        )
        return [image["id"] for image in _data(response)["images"]]

    async def images(self, project: str) -> dict[str, str]:
        """Return the statuses of the images of a project, by id. Raises Refused."""
        found = await _field(self.http, _IMAGES, self.headers, {"id": project})
        if found is None:
            return {}
        nodes = [edge["node"] for edge in found["images"]["edges"]]
        return {node["id"]: node["status"] for node in nodes}

    async def sign_out(self) -> None:
        """End the session."""
        query = "mutation($input: RefreshSessionInput!) { signOut(input: $input) }"
        await _field(self.http, query, {}, {"input": {"refreshToken": self.refresh_token}})


class Project:
    """A project: who owns it, the roles of others, the statuses of images as far as known."""

    def __init__(self, id: str, owner: Person) -> None:  # noqa: A002 - as the API has it
        self.id = id
        self.owner = owner
        self.guests: dict[Person, str] = {}
        self.images: dict[str, str] = {}


class World:
    """All there is; ``done`` counts what happened, ``problems`` what never should."""

    def __init__(self, url: str, people: Sequence[Person]) -> None:
        self.url = url
        self.people = people
        self.projects: list[Project] = []
        self.done: Counter[str] = Counter()
        self.problems: Counter[str] = Counter()
        self.files = sorted(path for path in _SAMPLES.iterdir() if path.suffix != ".md")

    def project(self) -> Project:
        """Return some project."""
        return random.choice(self.projects)

    def editor(self, project: Project) -> Person:
        """Return somebody who may change the project."""
        guests = [guest for guest, role in project.guests.items() if role == "EDITOR"]
        return random.choice([project.owner, *guests])

    def viewer(self, project: Project) -> Person:
        """Return somebody who may see the project, or, now and then, anybody."""
        anybody = random.random() < _STRANGERS
        return random.choice(self.people if anybody else [project.owner, *project.guests])

    def note(self, errors: Sequence[dict[str, Any]]) -> None:
        """Count errors by their codes; one that only a bug brings is a problem."""
        for error in errors:
            code = error["extensions"]["code"]
            (self.problems if code == "INTERNAL_SERVER_ERROR" else self.done)[code] += 1


async def sign_up(http: httpx.AsyncClient, name: str) -> Person:
    """Create an account."""
    email = f"{name}-{uuid4().hex[:8]}@example.org"
    values = {"email": email, "password": PASSWORD, "name": name}
    return Person(http, await _field(http, _mutation("signUp", SESSION), {}, {"input": values}))


async def sign_in(person: Person) -> Person:
    """Open another session of the same user."""
    values = {"email": person.email, "password": PASSWORD}
    query = _mutation("signIn", SESSION)
    return Person(person.http, await _field(person.http, query, {}, {"input": values}))


def _mutation(name: str, fields: str) -> str:
    kind = _OTHER_INPUTS.get(name, f"{name[0].upper()}{name[1:]}Input")
    return f"mutation($input: {kind}!) {{ {name}(input: $input) {fields} }}"


async def _field(
    http: httpx.AsyncClient, query: str, headers: dict[str, str], variables: Mapping[str, object]
) -> Any:
    body = {"query": query, "variables": variables}
    return _data(await http.post("/graphql", json=body, headers=headers))


def _data(response: httpx.Response) -> Any:
    answer = response.json()
    if "errors" in answer:
        raise Refused(answer["errors"])
    (value,) = answer["data"].values()
    return value
