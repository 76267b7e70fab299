"""Plan-view geometry of OpenDRIVE 1.4 (section 5.3.4): line, arc, spiral, poly3 and paramPoly3.

OpenDRIVE's frame here: x east, y north, headings in radians counter-clockwise (right-handed), metres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sim.geometry import arctan2
from sim.maps.trigonometry import cosine, sine

# 24 nodes integrate a clothoid that turns up to about 10 rad to better than 1e-9 m.


def _gauss_legendre(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of Gauss-Legendre quadrature by Newton's method (Press et al., Numerical Recipes, 4.6).

    NumPy's `leggauss` asks LAPACK, whose last bits depend on the processor.
    """
    nodes, weights = np.zeros(count), np.zeros(count)
    for i in range(count):
        x = -math.cos(math.pi * (i + 0.75) / (count + 0.5))
        for _ in range(12):
            before, value = 1.0, x
            for k in range(2, count + 1):
                before, value = value, ((2 * k - 1) * x * value - (k - 1) * before) / k
            slope = count * (x * value - before) / (x * x - 1.0)
            x -= value / slope
        nodes[i], weights[i] = x, 2.0 / ((1.0 - x * x) * slope * slope)
    return nodes, weights


_NODES, _WEIGHTS = _gauss_legendre(24)
_ARC_TABLE = 257
# 1/m; CARLA's client computes arcs in single precision and misses by centimetres where their radius is above 100 km.
NEARLY_STRAIGHT = 2e-5


@dataclass(frozen=True)
class Curve:
    """One planView record.

    s, x, y, heading, length   start on the road (m), start point (m), start heading (rad) and arc length (m)
    parameters                 arc: (curvature,); spiral: (curvature at start, at end); poly3: (a, b, c, d);
                               paramPoly3: (aU, bU, cU, dU, aV, bV, cV, dV, value of p at the end); line: ()
    """

    kind: str
    s: float
    x: float
    y: float
    heading: float
    length: float
    parameters: tuple[float, ...] = ()

    def evaluate(self, distance: np.ndarray) -> np.ndarray:
        """Points at `distance` (N,) metres from the curve's start, as (N, 3): x, y, heading (rad)."""
        along = np.asarray(distance, np.float64)
        u, v, turn = _LOCAL[self.kind](self, along)
        cosine, sine = math.cos(self.heading), math.sin(self.heading)
        return np.stack([self.x + cosine * u - sine * v, self.y + sine * u + cosine * v, self.heading + turn], axis=-1)

    @property
    def max_curvature(self) -> float:
        """Largest curvature along the curve (1/m); for polynomials it is estimated from sampled headings."""
        if self.kind == "line":
            return 0.0
        if self.kind in ("arc", "spiral"):
            return max(abs(value) for value in self.parameters)
        distance = np.linspace(0.0, self.length, 33)
        turn = np.abs(np.diff(np.unwrap(self.evaluate(distance)[:, 2])))
        return float(turn.max() / max(self.length / 32, 1e-9))


def _line(curve: Curve, along: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return along, np.zeros_like(along), np.zeros_like(along)


def _arc(curve: Curve, along: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    curvature = curve.parameters[0]
    turn = curvature * along
    # chord * (cos, sin)(turn / 2) stays exact for vanishing curvature, where sin(turn) / curvature does not.
    chord = along * np.sinc(turn / (2 * math.pi))
    return chord * np.cos(turn / 2), chord * np.sin(turn / 2), turn


def _spiral(curve: Curve, along: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    start, end = curve.parameters
    rate = (end - start) / max(curve.length, 1e-12)
    nodes = along[..., None] * (0.5 * (_NODES + 1.0))
    angle = start * nodes + 0.5 * rate * nodes**2
    half = 0.5 * along
    return (
        half * (np.cos(angle) * _WEIGHTS).sum(axis=-1),
        half * (np.sin(angle) * _WEIGHTS).sum(axis=-1),
        start * along + 0.5 * rate * along**2,
    )


def _cubic(coefficients: tuple[float, ...], p: np.ndarray) -> np.ndarray:
    a, b, c, d = coefficients
    return a + p * (b + p * (c + p * d))


def _slope(coefficients: tuple[float, ...], p: np.ndarray) -> np.ndarray:
    _, b, c, d = coefficients
    return b + p * (2 * c + 3 * d * p)


def _poly3(curve: Curve, along: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    table = np.linspace(0.0, curve.length, _ARC_TABLE)
    speed = np.hypot(1.0, _slope(curve.parameters, table))
    arc = np.concatenate([[0.0], np.cumsum(0.5 * (speed[1:] + speed[:-1]) * np.diff(table))])
    u = np.interp(along, arc, table)
    return u, _cubic(curve.parameters, u), arctan2(_slope(curve.parameters, u), 1.0)


def _param_poly3(curve: Curve, along: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    in_u, in_v, p_end = curve.parameters[:4], curve.parameters[4:8], curve.parameters[8]
    p = along * (p_end / max(curve.length, 1e-12))
    return _cubic(in_u, p), _cubic(in_v, p), arctan2(_slope(in_v, p), _slope(in_u, p))


_LOCAL = {"line": _line, "arc": _arc, "spiral": _spiral, "poly3": _poly3, "paramPoly3": _param_poly3}
KINDS = tuple(_LOCAL)


def evaluate_curves(curves: tuple[Curve, ...], s: np.ndarray) -> np.ndarray:
    """Reference-line points (N, 3) (x, y, heading) at road coordinates `s` (N,), clamped to the road's ends."""
    s = np.asarray(s, np.float64)
    starts = np.array([curve.s for curve in curves])
    index = np.clip(np.searchsorted(starts, s, side="right") - 1, 0, len(curves) - 1)
    points = np.empty((len(s), 3))
    for number in np.unique(index):
        chosen = index == number
        curve = curves[number]
        points[chosen] = curve.evaluate(np.clip(s[chosen] - curve.s, 0.0, curve.length))
    return points


def biarc(start: tuple[float, float, float], end: tuple[float, float, float]) -> tuple[Curve, ...]:
    """Two arcs that leave `start` (x, y, heading) and arrive at `end` without a kink.

    The joint is the one with equal tangent lengths (Bolton, "Biarc curves", CAD 7(2), 1975). Straight when collinear.
    """

    # Products by hand: BLAS fuses them on some processors, and the last bits of a town's text would differ.
    def dot(a: np.ndarray, b: np.ndarray) -> float:
        return float(a[0]) * float(b[0]) + float(a[1]) * float(b[1])

    p0, p1 = np.array(start[:2]), np.array(end[:2])
    t0 = np.array([cosine(start[2]), sine(start[2])])
    t1 = np.array([cosine(end[2]), sine(end[2])])
    v = p1 - p0
    total, bend = dot(v, t0 + t1), 1.0 - dot(t0, t1)
    if bend < 1e-12:
        tangent = dot(v, v) / (4.0 * dot(v, t1))
    else:
        tangent = (-total + math.sqrt(total**2 + 2.0 * bend * dot(v, v))) / (2.0 * bend)
    joint = 0.5 * (p0 + tangent * t0 + p1 - tangent * t1)
    first = _arc_to(p0, start[2], joint, 0.0)
    second = _arc_to(joint, start[2] + sum(first.parameters) * first.length, p1, first.length)
    if first.kind == second.kind == "line":
        return (Curve("line", 0.0, start[0], start[1], start[2], float(np.hypot(*v))),)
    if max(first.max_curvature, second.max_curvature) < NEARLY_STRAIGHT:
        return (Curve("line", 0.0, start[0], start[1], math.atan2(v[1], v[0]), float(np.hypot(*v))),)
    return first, second


def _arc_to(point: np.ndarray, heading: float, target: np.ndarray, s: float) -> Curve:
    chord = target - point
    forward = chord[0] * cosine(heading) + chord[1] * sine(heading)
    left = chord[1] * cosine(heading) - chord[0] * sine(heading)
    half, length = math.atan2(left, forward), float(np.hypot(*chord))
    if abs(half) < 1e-9:
        return Curve("line", s, float(point[0]), float(point[1]), heading, length)
    arc_length = length * half / sine(half)
    return Curve("arc", s, float(point[0]), float(point[1]), heading, arc_length, (2.0 * half / arc_length,))
