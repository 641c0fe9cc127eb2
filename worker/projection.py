"""Maximum projection, one plane in memory at a time."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray


def brightest(planes: Iterable[NDArray[Any]]) -> NDArray[Any]:
    """Return the greatest of each pixel over planes of one shape. Raise ValueError for none.

    What is infinite counts as NaN, and NaN only where no plane has a number.
    """
    result: NDArray[Any] | None = None
    for plane in map(_without_infinities, planes):
        if result is None:
            result = plane.copy()
        elif plane.shape != result.shape:
            raise ValueError("the planes differ in size")
        else:
            np.fmax(result, plane, out=result)
    if result is None:
        raise ValueError("there are no pixels")
    return result


def _without_infinities(plane: NDArray[Any]) -> NDArray[Any]:
    if plane.dtype.kind != "f":
        return plane
    return np.where(np.isinf(plane), np.asarray(np.nan, plane.dtype), plane)
