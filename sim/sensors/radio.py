"""Radio between vehicles: with which power a message arrives, if it does.

Source: CARLA's V2X/PathLossModel.cpp, which follows ETSI TR 103 257-1 V1.1.1 (the WINNER+ model and its shadow fading),
two-ray interference over the ground, log-distance loss behind buildings, and knife edges for vehicles in between.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.sensors.errors import require

LIGHT_SPEED = 299792458.0
GROUND_PERMITTIVITY = 1.02
"""Of the reflecting ground in the two-ray model; the value that the Artery simulator uses for roads."""

LINE_OF_SIGHT, BEHIND_BUILDING, BEHIND_VEHICLE = "los", "nlos-b", "nlos-v"
SCENARIOS = ("highway", "rural", "urban")
# Standard deviation of shadow fading (dB), ETSI TR 103 257-1 table 6; rural lies between the others, as in CARLA.
_FADING = {
    LINE_OF_SIGHT: {"highway": 3.3, "rural": 4.25, "urban": 5.2},
    BEHIND_BUILDING: {"highway": 6.8, "rural": 6.8, "urban": 6.8},
    BEHIND_VEHICLE: {"highway": 3.8, "rural": 4.55, "urban": 5.3},
}


@dataclass(frozen=True)
class Radio:
    """A sender and receiver. Powers in dBm, gain and standard deviation in dB, distances in m.

    Raises ImpossibleSensor.
    """

    transmit_power: float
    sensitivity: float
    frequency_ghz: float
    antenna_gain: float
    path_loss_exponent: float
    reference_distance: float
    filter_distance: float
    etsi_fading: bool
    fading_stddev: float
    scenario: str
    winner: bool

    def __post_init__(self) -> None:
        require(self.frequency_ghz > 0.0, f"v2x: frequency_ghz={self.frequency_ghz} is not positive")
        require(self.reference_distance > 0.0, f"v2x: d_ref={self.reference_distance} is not positive")
        require(self.fading_stddev >= 0.0, f"v2x: custom_fading_stddev={self.fading_stddev} is negative")
        require(self.scenario in SCENARIOS, f"v2x: scenario={self.scenario!r} is none of {', '.join(SCENARIOS)}")

    @property
    def wavelength(self) -> float:
        """Metres."""
        return LIGHT_SPEED / (self.frequency_ghz * 1e9)


@dataclass(frozen=True)
class Path:
    """The way from an antenna to another.

    distance          m, between the antennas
    heights           m, of the two antennas above the lower of the two grounds
    behind_building   whether the town or a prop stands between them
    obstacles         vehicles between them: distance to either antenna on the ground and height of the top (m)
    """

    distance: float
    heights: tuple[float, float]
    behind_building: bool = False
    obstacles: Sequence[tuple[float, float, float]] = ()

    @property
    def state(self) -> str:
        """What stands in the way."""
        if self.behind_building:
            return BEHIND_BUILDING
        return BEHIND_VEHICLE if self.obstacles else LINE_OF_SIGHT


def free_space_loss(distance: float, wavelength: float) -> float:
    """dB (Friis)."""
    return 20.0 * math.log10(4.0 * math.pi * distance / wavelength)


def two_ray_loss(distance: float, heights: tuple[float, float], wavelength: float) -> float:
    """dB of a direct ray and one that the ground reflects; `distance` (m) between antennas of `heights` (m)."""
    first, second = heights
    ground = math.sqrt(max(distance**2 - (first - second) ** 2, 1e-12))
    reflected = math.sqrt(distance**2 + 4.0 * first * second)
    sine, cosine = (first + second) / reflected, ground / reflected
    root = math.sqrt(max(GROUND_PERMITTIVITY - cosine**2, 0.0))
    gamma = (sine - root) / (sine + root)
    phase = 2.0 * math.pi / wavelength * (distance - reflected)
    field = math.hypot(1.0 + gamma * math.cos(phase), gamma * math.sin(phase))
    return free_space_loss(ground, wavelength) - 20.0 * math.log10(max(field, 1e-6))


def knife_edge_loss(obstacles: Sequence[tuple[float, float, float]], wavelength: float) -> float:
    """dB of the worst vehicle in between (ITU-R P.526, single knife edge)."""
    worst = 0.0
    for first, second, height in obstacles:
        first, second = max(first, 0.1), max(second, 0.1)
        edge = height * math.sqrt(2.0 * (first + second) / (wavelength * first * second))
        if edge >= -0.78:
            worst = max(worst, 6.9 + 20.0 * math.log10(math.sqrt((edge - 0.1) ** 2 + 1.0) + edge - 0.1))
    return worst


def path_loss(radio: Radio, path: Path) -> float:
    """dB without fading."""
    distance, state = max(path.distance, 0.1), path.state
    if radio.winner:
        if state == BEHIND_BUILDING:
            return 36.85 + 30.0 * math.log10(distance) + 18.9 * math.log10(radio.frequency_ghz)
        if radio.scenario == "highway":
            loss = 32.4 + 20.0 * math.log10(distance) + 20.0 * math.log10(radio.frequency_ghz)
        else:
            loss = 38.77 + 16.7 * math.log10(distance) + 18.2 * math.log10(radio.frequency_ghz)
        return loss + knife_edge_loss(path.obstacles, radio.wavelength)
    if state == LINE_OF_SIGHT:
        return two_ray_loss(distance, path.heights, radio.wavelength)
    if state == BEHIND_BUILDING:
        reference = free_space_loss(radio.reference_distance, radio.wavelength)
        return reference + 10.0 * radio.path_loss_exponent * math.log10(distance / radio.reference_distance)
    return free_space_loss(distance, radio.wavelength) + knife_edge_loss(path.obstacles, radio.wavelength)


def received_power(radio: Radio, sent: float, path: Path, random: np.random.Generator) -> float | None:
    """Power (dBm) at which a receiver hears what was sent with `sent` dBm; None below its sensitivity."""
    stddev = _FADING[path.state][radio.scenario] if radio.etsi_fading else radio.fading_stddev
    power = sent + radio.antenna_gain - path_loss(radio, path) - float(random.normal(0.0, stddev))
    return power if power >= radio.sensitivity else None
