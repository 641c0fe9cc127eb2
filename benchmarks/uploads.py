"""What it costs to upload a thousand images in one call."""

import time
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks.hubs import Server, owner_of_project

SAMPLE = Path(__file__).parents[1] / "samples" / "nuclei-fluorescence.tif"
QUERY = """mutation($input: UploadImagesInput!) { uploadImages(input: $input) {
    images { id } rejected { name } project { stats { imageCount storageBytes } } } }"""


class Upload(NamedTuple):
    """Seconds on the clock and of the hub's CPU, its decoding processes aside; bytes sent."""

    wall: float
    cpu: float
    size: int


def upload(server: Server, files: int) -> Upload:
    """Upload the same 16-bit TIFF so many times, in one request."""
    token, project, _ = owner_of_project(server, "uploads")
    content = SAMPLE.read_bytes()
    variables = {"input": {"projectId": project, "files": [None] * files}}
    places = {str(i): [f"variables.input.files.{i}"] for i in range(files)}
    cpu, wall = server.cpu_seconds(), time.perf_counter()
    response = server.http.post(
        "/graphql",
        data={
            "operations": msgspec.json.encode({"query": QUERY, "variables": variables}).decode(),
            "map": msgspec.json.encode(places).decode(),
        },
        files=[(str(i), (f"{i}.tif", content)) for i in range(files)],
        headers={"Authorization": f"Bearer {token}", "Apollo-Require-Preflight": "true"},
    )
    cpu, wall = server.cpu_seconds() - cpu, time.perf_counter() - wall
    stats = response.json()["data"]["uploadImages"]["project"]["stats"]
    if stats != {"imageCount": files, "storageBytes": files * len(content)}:
        raise RuntimeError(f"Not all was stored: {stats}")
    return Upload(wall, cpu, files * len(content))
