"""How an RGB camera turns light into levels: exposure and gamma, as one table of 256 levels."""

from __future__ import annotations

import math

import numpy as np

STANDARD_GAMMA = 2.2
ISO, SHUTTER_SPEED, FSTOP = 100.0, 200.0, 1.4
"""CARLA's defaults. A manual exposure that uses them gives the same picture as the automatic one."""

LARGEST_STOPS = 16.0


def manual_stops(iso: float, shutter_speed: float, fstop: float) -> float:
    """Stops by which a manual exposure is brighter than the default one: sensitivity times exposure time (1 /
    `shutter_speed` s) over the square of the f-number, which is what an exposure value is (ISO 2720)."""
    iso, shutter_speed, fstop = (max(value, 1e-3) for value in (iso, shutter_speed, fstop))
    return math.log2(iso / ISO) + math.log2(SHUTTER_SPEED / shutter_speed) + 2.0 * math.log2(FSTOP / fstop)


def response(stops: float, gamma: float) -> np.ndarray | None:
    """Display level for each level of a picture as rendered, uint8 (256,); None if it changes nothing.

    Levels are taken as light by the standard gamma 2.2, made 2 ** stops as bright, and shown with `gamma`.
    """
    stops = min(max(stops, -LARGEST_STOPS), LARGEST_STOPS)
    gamma = min(max(gamma, 0.1), 10.0)
    light = [min((level / 255.0) ** STANDARD_GAMMA * 2.0**stops, 1.0) for level in range(256)]
    table = np.array([math.floor(255.0 * share ** (1.0 / gamma) + 0.5) for share in light], np.uint8)
    return None if (table == np.arange(256)).all() else table
