"""What one operation may bring together.

Pages within pages multiply: five hundred images, each with its project and that one's five hundred
images, each with … So the objects of all pages count together, and so do the bytes of polygons.
"""

import asyncio
from collections.abc import Awaitable, Callable

from resolvers.errors import BadUserInput
from resolvers.limits import Limits
from schema.info import Info


class Budget:
    """What an operation has brought together so far."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._objects = 0
        self._polygon_bytes = 0
        self._one_at_a_time = asyncio.Lock()

    def spend(self, objects: int) -> None:
        """Count objects of a page; raise BadUserInput where they are too many, all together."""
        self._objects += objects
        if self._objects > self._limits.max_objects_per_operation:
            raise BadUserInput(
                f"The pages of an operation hold {self._limits.max_objects_per_operation} objects"
                " at most, all together: ask for smaller pages, or in several operations."
            )

    async def polygons(self, read: Callable[[], Awaitable[bytes]]) -> bytes:
        """Read the polygons of a run; raise BadUserInput where they are too many, all together."""
        # In turn, or all would be in memory before the first is counted.
        async with self._one_at_a_time:
            self._check_polygons()
            content = await read()
            self._polygon_bytes += len(content)
            self._check_polygons()
            return content

    def _check_polygons(self) -> None:
        if self._polygon_bytes > self._limits.max_polygon_bytes_per_operation:
            raise BadUserInput(
                "An operation holds polygons of"
                f" {self._limits.max_polygon_bytes_per_operation} bytes at most, all together:"
                " ask for those of fewer images."
            )


def budget_of(info: Info) -> Budget:
    """Return the budget of the operation that a field belongs to."""
    context = info.context
    found = context.cache.get(Budget)
    if found is None:
        found = context.cache[Budget] = Budget(context.services.limits)
    assert isinstance(found, Budget)  # noqa: S101
    return found
