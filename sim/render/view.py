"""What every pass over a picture is told: where the camera stands and what the air is like."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

Triple = tuple[float, float, float]


class View(NamedTuple):
    """A camera: world position (3,), rotation (3, 3) with columns forward, right, up, and focal length in pixels."""

    position: np.ndarray
    rotation: np.ndarray
    focal: float


class Air(NamedTuple):
    """Sky and weather as the kernels take them; colours are RGB in 0..255. See `sim.render.weather.Atmosphere`.

    Scalars only, so that they stay in registers: an array here would be read again after every stored pixel.
    `direct` is the sun's share of the light on level ground; `drift` how far clouds have moved, in their texels.
    """

    zenith: Triple
    horizon: Triple
    fog: Triple
    glare: Triple
    cloud: Triple
    sun: Triple
    direct: Triple
    disc: float
    halo: float
    wash: float
    extinction: float
    fog_start: float
    fog_fall: float
    fog_ceiling: float
    clouds: float
    drift: tuple[float, float]
    wet: float
    puddles: float
