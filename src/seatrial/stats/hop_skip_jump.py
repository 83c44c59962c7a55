"""HopSkipJump: the nearest point that is decided otherwise, from decisions alone.

Assumption: a decision over real vectors that is the same whenever it is asked, and a boundary that is smooth near the
point that is found. Guarantee: the point that is returned is decided otherwise; its distance is an upper bound of the
smallest one, and near it for smooth boundaries. Source: Chen, Jordan and Wainwright, IEEE Symposium on Security and
Privacy 2020, with the L2 distance: B_t = 100 sqrt(t) directions, theta = d^(-3/2), delta_t = sqrt(d) theta ||x_t - x||,
step ||x_t - x|| / sqrt(t) halved until it is decided otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
Decide = Callable[[Points], npt.NDArray[np.bool_]]
"""For each row of a matrix whether it is decided otherwise than the point under attack."""
_FIRST_BATCH = 100
_HALVINGS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearest:
    """A point that is decided otherwise, its distance, and how many decisions it took."""

    point: Points
    distance: float
    queries: int


def nearest_turned(point: Points, start: Points, decide: Decide, *, queries: int, seed: int = 0) -> Nearest | None:
    """The nearest point found within about so many decisions; None where `start` is not decided otherwise.

    >>> import numpy as np
    >>> w = np.array([3.0, 4.0])
    >>> found = nearest_turned(np.zeros(2), np.array([5.0, 0.0]), lambda x: x @ w > 5.0, queries=1500)
    >>> 1.0 <= found.distance < 1.05
    True
    """
    rng = np.random.default_rng(seed)
    asked = 1
    if not bool(decide(start[None, :])[0]):
        return None
    d = point.size
    theta = d**-1.5
    current, used = _to_boundary(point, start, decide, theta)
    asked += used
    step = 1
    while asked < queries:
        distance = float(np.linalg.norm(current - point))
        if distance == 0.0:
            break
        size = min(int(_FIRST_BATCH * np.sqrt(step)), queries - asked)
        if size < 2:
            break
        radius = np.sqrt(d) * theta * distance
        direction = _direction(current, decide, radius, size, rng)
        moved, used = _stepped(current, direction, distance / np.sqrt(step), decide)
        asked += size + used
        nearer, used = _to_boundary(point, moved, decide, theta)
        asked += used
        if np.linalg.norm(nearer - point) <= distance or step == 1:
            current = nearer
        step += 1
    return Nearest(point=current, distance=float(np.linalg.norm(current - point)), queries=asked)


def _to_boundary(point: Points, turned: Points, decide: Decide, theta: float) -> tuple[Points, int]:
    """The last point on the line to `point` that is still decided otherwise, and the decisions taken."""
    low, high, used = 0.0, 1.0, 0
    while high - low > theta * 0.1 and used < _HALVINGS:
        middle = (low + high) / 2.0
        used += 1
        if bool(decide((point + middle * (turned - point))[None, :])[0]):
            high = middle
        else:
            low = middle
    return point + high * (turned - point), used


def _direction(current: Points, decide: Decide, radius: float, size: int, rng: np.random.Generator) -> Points:
    """An estimate of the direction in which more points are decided otherwise."""
    noise = rng.normal(size=(size, current.size))
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    signs = np.where(decide(current + radius * noise), 1.0, -1.0)
    mean = float(signs.mean())
    weights = signs if abs(mean) == 1.0 else signs - mean
    total = (weights[:, None] * noise).sum(axis=0)
    length = float(np.linalg.norm(total))
    return np.asarray(total / length if length > 0.0 else noise[0], dtype=np.float64)


def _stepped(current: Points, direction: Points, length: float, decide: Decide) -> tuple[Points, int]:
    """A step along the direction, halved until the point is decided otherwise."""
    used = 0
    while used < _HALVINGS:
        used += 1
        moved = current + length * direction
        if bool(decide(moved[None, :])[0]):
            return moved, used
        length /= 2.0
    return current, used
