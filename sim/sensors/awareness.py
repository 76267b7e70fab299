"""Cooperative awareness messages (ETSI EN 302 637-2): when a vehicle sends one, and its bytes.

The record is the C++ structure that the 0.9.16 client reads as it lies in memory: its layout comes from the wheel's
debug information. The gaps hold two vectors among other things, and must be zero: the client frees what they point to.
Values and their units follow CARLA's V2X/CaService.cpp and ETSI TS 102 894-2 (CDD).
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

import numpy as np

CAM_BYTES, CUSTOM_BYTES, CUSTOM_TEXT_BYTES = 464, 136, 100
PROTOCOL_VERSION, MESSAGE_CUSTOM, MESSAGE_CAM = 2, 0, 2
LOW_FREQUENCY_S = 0.5

_OFFSETS = {
    "power": 0, "protocol_version": 8, "message_id": 16, "station_id": 24, "generation_delta_time": 32,
    "station_type": 40, "latitude": 48, "longitude": 56, "semi_major": 64, "semi_minor": 72, "semi_orientation": 80,
    "altitude": 88, "altitude_confidence": 96, "high_present": 104, "heading": 112, "heading_confidence": 120,
    "speed": 128, "speed_confidence": 136, "drive_direction": 144, "length": 152, "length_confidence": 160,
    "width": 168, "acceleration_x": 176, "acceleration_x_confidence": 184, "curvature": 192,
    "curvature_confidence": 200, "curvature_mode": 208, "yaw_rate": 216, "yaw_rate_confidence": 224,
    "acceleration_y_available": 272, "acceleration_y": 280, "acceleration_y_confidence": 288,
    "acceleration_z_available": 296, "acceleration_z": 304, "acceleration_z_confidence": 312, "low_present": 408,
    "vehicle_role": 416, "exterior_lights": 424,
}  # fmt: skip
_FORMATS = {
    "power": "<f4", "acceleration_y_available": "?", "acceleration_z_available": "?", "exterior_lights": "u1",
}  # fmt: skip
CAM = np.dtype(
    {
        "names": list(_OFFSETS),
        "formats": [_FORMATS.get(name, "<i8") for name in _OFFSETS],
        "offsets": list(_OFFSETS.values()),
        "itemsize": CAM_BYTES,
    }
)
CUSTOM = np.dtype(
    {
        "names": ["power", "protocol_version", "message_id", "station_id", "text"],
        "formats": ["<f4", "<i8", "<i8", "<i8", f"S{CUSTOM_TEXT_BYTES}"],
        "offsets": [0, 8, 16, 24, 32],
        "itemsize": CUSTOM_BYTES,
    }
)

# What the CDD calls unavailable.
_UNKNOWN = {
    "semi_major": 4095, "semi_minor": 4095, "semi_orientation": 3601, "altitude_confidence": 15,
    "length_confidence": 4, "acceleration_x_confidence": 102, "acceleration_y_confidence": 102,
    "acceleration_z_confidence": 102, "curvature": 30001, "curvature_confidence": 7, "yaw_rate_confidence": 8,
}  # fmt: skip
STATION_TYPES = {19: 2, 18: 4, 14: 5, 16: 6, 15: 7, 17: 11, 12: 1}
"""ETSI station type of a semantic tag: cyclist, motorcycle, car, bus, light truck, tram, pedestrian."""

SPECIAL_VEHICLE, EMERGENCY_ROLE, PUBLIC_TRANSPORT_ROLE = 10, 6, 1
# carla.VehicleLightState flag: bit of the CDD's exterior lights, counted from the most significant.
_LIGHTS = {0x2: 0, 0x4: 1, 0x20: 2, 0x10: 3, 0x40: 5, 0x80: 6, 0x1: 7}


@dataclass(frozen=True)
class VehicleState:
    """What a message tells of its sender: degrees, metres, m/s, m/s^2 and rad/s in the vehicle's frame."""

    station_id: int
    station_type: int
    role: int
    latitude: float
    longitude: float
    altitude: float
    heading: float
    speed: float
    length: float
    width: float
    acceleration: tuple[float, float, float]
    yaw_rate: float
    lights: int


def awareness_message(state: VehicleState, elapsed_s: float, low_frequency: bool) -> bytes:
    """One CAM record, its power still zero.

    Signs of lateral acceleration and yaw rate are CARLA's (positive to the right), and the vertical acceleration holds
    gravity. The generation time counts simulated milliseconds from the start of the episode, modulo 65536: CARLA adds
    the time of day, which would make two runs differ.
    """
    buffer = bytearray(CAM_BYTES)
    record = np.ndarray((), CAM, buffer)
    for name, unknown in _UNKNOWN.items():
        record[name] = unknown
    record["protocol_version"], record["message_id"] = PROTOCOL_VERSION, MESSAGE_CAM
    record["station_id"], record["station_type"] = state.station_id, state.station_type
    record["generation_delta_time"] = int(elapsed_s * 1000.0 + 1e-6) % 65536
    known = abs(state.latitude) <= 90.0 and abs(state.longitude) <= 180.0
    record["latitude"] = round(state.latitude * 1e6) * 10 if known else 900000001
    record["longitude"] = round(state.longitude * 1e6) * 10 if known else 1800000001
    record["altitude"] = _within(state.altitude * 100.0, -100000.0, 800000.0, 800001)
    record["high_present"] = 1
    record["heading"], record["heading_confidence"] = _within(state.heading * 10.0, 0.0, 3600.0, 3601), 10
    record["speed"], record["speed_confidence"] = _speed(state.speed), 3
    record["drive_direction"] = 0 if state.speed >= 0.0 else 1
    record["length"], record["width"] = round(state.length * 10.0), round(state.width * 10.0)
    for axis, value in zip("xyz", state.acceleration, strict=True):
        record[f"acceleration_{axis}"] = _within(value * 10.0, -160.0, 161.0, 161)
    record["acceleration_y_available"] = record["acceleration_z_available"] = True
    record["yaw_rate"] = _within(math.degrees(state.yaw_rate) * 100.0, -32766.0, 32766.0, 32767)
    if low_frequency:
        record["low_present"], record["vehicle_role"] = 1, state.role
        record["exterior_lights"] = sum(1 << (7 - bit) for flag, bit in _LIGHTS.items() if state.lights & flag)
    return bytes(buffer)


def _within(value: float, low: float, high: float, unavailable: int) -> int:
    """A whole number, or what stands for "unavailable" outside low to high and for what is no number."""
    return round(value) if low <= value <= high else unavailable


def _speed(speed: float) -> int:
    return 16382 if speed >= 163.82 else _within(max(speed, 0.0) * 100.0, 0.0, 16382.0, 16383)


def custom_message(station_id: int, text: str) -> bytes:
    """One record of a client's own text, cut to the 99 bytes that the client can read; its power still zero."""
    buffer = bytearray(CUSTOM_BYTES)
    record = np.ndarray((), CUSTOM, buffer)
    record["protocol_version"], record["message_id"], record["station_id"] = (
        PROTOCOL_VERSION,
        MESSAGE_CUSTOM,
        station_id,
    )
    record["text"] = text.encode()[: CUSTOM_TEXT_BYTES - 1]
    return bytes(buffer)


def with_power(record: bytes, power: float) -> bytes:
    """A record as it arrives with a power (dBm)."""
    return struct.pack("<f", min(max(power, -3e38), 3e38)) + record[4:]


class Trigger:
    """When a vehicle sends: it turned by 4 degrees, went 4 m or changed speed by 0.5 m/s, but at least every
    `longest_s` and at most every `shortest_s`; with `fixed_rate` always every `shortest_s` (EN 302 637-2, 6.1.3)."""

    LOW_DYNAMICS_LIMIT = 3

    def __init__(self, shortest_s: float, longest_s: float, fixed_rate: bool) -> None:
        self._shortest, self._longest, self._fixed = shortest_s, longest_s, fixed_rate
        self._interval = longest_s
        self._calm = 0
        self._last_s: float | None = None
        self._last_low_s: float | None = None
        self._place = (0.0, 0.0, 0.0)
        self._heading = 0.0
        self._speed = 0.0

    def due(self, elapsed_s: float, place: tuple[float, float, float], heading: float, speed: float) -> bool:
        """Whether to send now, given place (m), heading (degrees) and speed (m/s); remembers them if so."""
        if self._last_s is not None:
            waited = elapsed_s - self._last_s + 1e-6
            if waited < self._shortest:
                return False
            turned = abs((heading - self._heading + 180.0) % 360.0 - 180.0)
            moved = math.dist(place, self._place) > 4.0 or turned > 4.0 or abs(speed - self._speed) > 0.5
            if moved and not self._fixed:
                self._interval, self._calm = min(waited, self._longest), 0
            elif not self._fixed:
                if waited < self._interval:
                    return False
                self._calm += 1
                if self._calm >= self.LOW_DYNAMICS_LIMIT:
                    self._interval = self._longest
        self._last_s, self._place, self._heading, self._speed = elapsed_s, place, heading, speed
        return True

    def low_frequency(self, elapsed_s: float) -> bool:
        """Whether the message that is due carries the low-frequency container, which comes every half second."""
        if self._last_low_s is not None and elapsed_s - self._last_low_s + 1e-6 < LOW_FREQUENCY_S:
            return False
        self._last_low_s = elapsed_s
        return True
