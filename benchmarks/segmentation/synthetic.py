"""Pictures of nuclei with known truth, made by the kind of trouble that they give.

A nucleus is a bumpy ellipse, domed or flat, with chromatin inside. Light of overlapping nuclei adds
up, as under a widefield microscope; then come the background, the blur of the lens, and the noise
of photons and of the camera. The truth is the shape before the blur, which is where the blurred
edge falls to its half; a pixel of two nuclei is the one's in whose shape it lies deeper.
"""

from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float64]


class Kind(Struct, frozen=True, kw_only=True):
    """What the nuclei of a picture are like, and what was done to it.

    ``radius`` is the mean one in pixels, ``spread`` the standard deviation of its logarithm;
    ``brightness`` that of the logarithm of the intensity. ``closeness`` is how near, in sums of
    radii, nuclei may come; ``clustered`` the share that is put beside another one. ``texture`` is
    the contrast within a nucleus; ``photons`` what a nucleus of mean brightness sends to a pixel.
    ``slope`` is how much the background rises over the picture, in brightnesses of a nucleus.
    """

    size: int = 384
    count: int = 60
    radius: float = 12.0
    spread: float = 0.15
    elongation: float = 1.4
    brightness: float = 0.25
    closeness: float = 1.15
    clustered: float = 0.0
    texture: float = 0.1
    doming: float = 0.4
    photons: float = 200.0
    camera: float = 3.0
    background: float = 0.1
    slope: float = 0.0
    blur: float = 1.3
    debris: int = 0
    mitotic: int = 0
    stained: bool = False


KINDS: dict[str, Kind] = {
    "apart": Kind(),
    "touching": Kind(count=75, closeness=0.88, clustered=0.6),
    "dim and bright": Kind(count=70, brightness=0.8, closeness=0.9, clustered=0.4, mitotic=5),
    "uneven ground": Kind(slope=1.5, closeness=0.95, clustered=0.4),
    "noisy": Kind(photons=8, camera=2.0, closeness=0.95, clustered=0.4),
    "small": Kind(size=256, count=150, radius=4.0, blur=0.8, closeness=0.95, clustered=0.4),
    "large": Kind(
        size=768, count=45, radius=36, texture=0.25, blur=2, closeness=0.92, clustered=0.5,
    ),
    "elongated": Kind(count=60, elongation=2.6, radius=11, closeness=0.95, clustered=0.4),
    "textured": Kind(count=55, radius=16, texture=0.45, closeness=0.95, clustered=0.4),
    "blurred": Kind(blur=3.0, closeness=0.95, clustered=0.4),
    "varied sizes": Kind(count=70, spread=0.45, closeness=0.92, clustered=0.5),
    "crowded": Kind(count=190, radius=11, closeness=0.9, clustered=0.7, brightness=0.3),
    "debris": Kind(debris=40, closeness=0.92, clustered=0.4, mitotic=3),
    "screening": Kind(
        size=512, count=120, radius=13, elongation=1.5, brightness=0.35, closeness=0.8,
        clustered=0.55, texture=0.06, doming=0.7, photons=30, camera=2, blur=1.8, debris=6,
        mitotic=6,
    ),
    "stained tissue": Kind(
        count=80, radius=9, closeness=0.95, clustered=0.4, brightness=0.2, texture=0.2,
        stained=True,
    ),
}  # fmt: skip


class Nucleus(Struct, frozen=True, kw_only=True):
    """Where it lies (row, column), and what it looks like."""

    centre: tuple[float, float]
    axes: tuple[float, float]
    angle: float
    bumps: tuple[float, ...]
    brightness: float
    is_dividing: bool = False


def picture(kind: Kind, seed: int) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """Return pixels, uint16 or (height, width, 3) uint8 where stained, and the true labels."""
    random = np.random.default_rng(seed)
    light, truth = _scene(kind, random)
    if kind.stained:
        return _stain(light, kind, random), truth
    return _photograph(light, kind, random), truth


def _scene(kind: Kind, random: np.random.Generator) -> tuple[Floats, NDArray[np.int32]]:
    light = np.zeros((kind.size, kind.size))
    deepest, truth = np.zeros_like(light), np.zeros_like(light, np.int32)
    for number, nucleus in enumerate(_nuclei(kind, random), 1):
        box, depth = _depth(nucleus, kind.size)
        inside = depth > 0
        dome = (1 - kind.doming) + kind.doming * np.sqrt(np.clip(depth, 0, 1))
        scale = 0.35 * min(nucleus.axes)
        grain = ndimage.gaussian_filter(random.standard_normal(depth.shape), max(1, scale / 2))
        grain *= kind.texture / (grain.std() + 1e-9)
        light[box] += inside * nucleus.brightness * dome * np.clip(1 + grain, 0.2, 2)
        wins = inside & (depth > deepest[box])
        truth[box][wins] = number
        deepest[box][wins] = depth[wins]
    return light, _visible(truth)


def _visible(truth: NDArray[np.int32]) -> NDArray[np.int32]:
    """Drop what hardly shows at the border, number the rest."""
    sizes = np.bincount(truth.ravel())
    kept = (sizes >= 0.1 * np.median(sizes[1:][sizes[1:] > 0])) & (np.arange(len(sizes)) > 0)
    numbers = np.where(kept, np.cumsum(kept), 0).astype(np.int32)
    visible: NDArray[np.int32] = numbers[truth]
    return visible


def _nuclei(kind: Kind, random: np.random.Generator) -> list[Nucleus]:
    placed: list[Nucleus] = []
    for _ in range(60 * kind.count):
        if len(placed) == kind.count + kind.mitotic:
            break
        nucleus = _some_nucleus(kind, random, placed, is_dividing=len(placed) >= kind.count)
        is_inside = all(
            -kind.radius < 2 * at < 2 * kind.size + kind.radius for at in nucleus.centre
        )
        if is_inside and all(_gap(nucleus, other) >= kind.closeness for other in placed):
            placed.append(nucleus)
    return placed


def _some_nucleus(
    kind: Kind, random: np.random.Generator, placed: list[Nucleus], *, is_dividing: bool
) -> Nucleus:
    radius = kind.radius * np.exp(random.normal(0, kind.spread))
    ratio = np.sqrt(1 + (kind.elongation - 1) * random.uniform(0.4, 1.6))
    brightness = float(np.exp(random.normal(0, kind.brightness)))
    if is_dividing:
        radius, ratio, brightness = 0.5 * kind.radius, random.uniform(1.2, 1.7), 4.0
    centre = random.uniform(0, kind.size, 2)
    if placed and random.random() < kind.clustered:
        beside = placed[random.integers(len(placed))]
        away = random.uniform(0, 2 * np.pi)
        distance = (radius + np.sqrt(np.prod(beside.axes))) * random.uniform(0.8, 1.25)
        centre = np.add(beside.centre, distance * np.array([np.sin(away), np.cos(away)]))
    return Nucleus(
        centre=(float(centre[0]), float(centre[1])),
        axes=(float(radius * ratio), float(radius / ratio)),
        angle=random.uniform(0, np.pi),
        bumps=tuple(random.normal(0, 0.025, 6)),
        brightness=brightness,
        is_dividing=is_dividing,
    )


def _gap(one: Nucleus, other: Nucleus) -> float:
    """Return the distance of two centres in sums of their radii along the line between them."""
    dy, dx = np.subtract(other.centre, one.centre)
    away = float(np.hypot(dy, dx))
    angle = float(np.arctan2(dy, dx))
    return away / (_reach(one, angle) + _reach(other, angle))


def _reach(nucleus: Nucleus, angle: float) -> float:
    long, short = nucleus.axes
    turned = angle - nucleus.angle
    return long * short / float(np.hypot(short * np.cos(turned), long * np.sin(turned)))


def _depth(nucleus: Nucleus, size: int) -> tuple[tuple[slice, slice], Floats]:
    """Return a box and how deep its pixels lie: 1 in the middle, 0 at the edge."""
    reach = int(1.3 * max(nucleus.axes)) + 2
    row, column = (round(at) for at in nucleus.centre)
    rows = slice(max(0, row - reach), max(0, min(size, row + reach)))
    columns = slice(max(0, column - reach), max(0, min(size, column + reach)))
    y, x = np.mgrid[rows, columns]
    y, x = y - nucleus.centre[0], x - nucleus.centre[1]
    along = x * np.cos(nucleus.angle) + y * np.sin(nucleus.angle)
    across = -x * np.sin(nucleus.angle) + y * np.cos(nucleus.angle)
    along, across = along / nucleus.axes[0], across / nucleus.axes[1]
    around = np.arctan2(across, along)
    edge = 1 + sum(
        bump * np.cos((wave + 2) * around + 7 * bump * 40)
        for wave, bump in enumerate(nucleus.bumps)
    )
    return (rows, columns), 1 - (along**2 + across**2) / edge**2


def _photograph(light: Floats, kind: Kind, random: np.random.Generator) -> NDArray[np.uint16]:
    scene = light + kind.background + _ground(kind, random) + _debris(kind, random)
    photons = kind.photons * ndimage.gaussian_filter(scene, kind.blur)
    counted = random.poisson(photons) + random.normal(0, kind.camera, scene.shape)
    stored: NDArray[np.uint16] = np.clip(counted * 20 + 400, 0, 2**16 - 1).astype(np.uint16)
    return stored


def _ground(kind: Kind, random: np.random.Generator) -> Floats:
    if not kind.slope:
        return np.zeros((kind.size, kind.size))
    y, x = np.mgrid[: kind.size, : kind.size] / kind.size
    angle = random.uniform(0, 2 * np.pi)
    ramp = (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle) + 0.7
    cloud = ndimage.gaussian_filter(random.standard_normal(x.shape), kind.size / 6)
    ground: Floats = kind.slope * (ramp + 0.3 * cloud / np.abs(cloud).max())
    return np.maximum(ground, 0)


def _debris(kind: Kind, random: np.random.Generator) -> Floats:
    specks = np.zeros((kind.size, kind.size))
    places = random.integers(0, kind.size, (kind.debris, 2))
    specks[tuple(places.T)] = random.uniform(5, 40, kind.debris)
    light: Floats = ndimage.gaussian_filter(specks, 1.0)
    return light


_HAEMATOXYLIN = np.array([0.65, 0.70, 0.29])
_EOSIN = np.array([0.07, 0.99, 0.11])


def _stain(light: Floats, kind: Kind, random: np.random.Generator) -> NDArray[np.uint8]:
    """Return what shines as what is stained blue, on pink tissue, in transmitted light."""
    shape = light.shape
    fibres = ndimage.gaussian_filter(random.standard_normal(shape), (2, 6))
    tissue = np.clip(0.35 + 0.15 * fibres / fibres.std(), 0.02, None)
    amounts = 0.9 * light[..., None] * _HAEMATOXYLIN + tissue[..., None] * _EOSIN
    amounts += 0.08 * _HAEMATOXYLIN
    seen = ndimage.gaussian_filter(np.exp(-amounts), (kind.blur, kind.blur, 0))
    noisy = 245 * seen + random.normal(0, kind.camera, seen.shape)
    stored: NDArray[np.uint8] = np.clip(noisy, 0, 255).astype(np.uint8)
    return stored
