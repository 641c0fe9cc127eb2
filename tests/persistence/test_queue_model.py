"""Whatever people and workers do, in whatever order: the queue does what a model of it does."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.lab import Lab
from tests.persistence.queue_workers import QueueMachine


# To find the shortest story that fails takes minutes.
@pytest.mark.timeout(600)
async def test_the_queue_does_what_its_model_does(lab: Lab) -> None:
    loop = asyncio.get_running_loop()

    def run(work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result()

    class Machine(QueueMachine):
        def __init__(self) -> None:
            super().__init__(lab, run)

    # Machines are not of coroutines: this one has a thread of its own, and all else this loop.
    await asyncio.to_thread(
        run_state_machine_as_test,
        Machine,
        settings=settings(
            max_examples=80,
            stateful_step_count=40,
            phases=(Phase.reuse, Phase.generate, Phase.shrink),
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
