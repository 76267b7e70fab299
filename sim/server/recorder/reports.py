"""What a recording holds, as text in the layout of CARLA's recorder (its documentation, "Recorder"; lengths in cm)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sim.geometry import Pose, compose
from sim.server.recorder.format import BadRecording, Birth, Frame, Header, Reader

MAX_REPORT_CHARS = 64 * 1024 * 1024
_CATEGORIES = "ovwt"  # other, vehicle, walker, traffic light
_LAMPS = (
    (1, "Position"), (2, "LowBeam"), (4, "HighBeam"), (8, "Brake"), (16, "RightBlinker"), (32, "LeftBlinker"),
    (64, "Reverse"), (256, "Interior"), (128, "Fog"), (512, "Special1"), (1024, "Special2"),
)  # fmt: skip
_WEATHER = (
    "Cloudiness", "Precipitation", "PrecipitationDeposits", "WindIntensity", "SunAzimuthAngle", "SunAltitudeAngle",
    "FogDensity", "FogDistance", "FogFalloff", "Wetness", "ScatteringIntensity", "MieScatteringScale",
    "RayleighScatteringScale", "DustStorm",
)  # fmt: skip


def file_info(path: Path, show_all: bool) -> str:
    """Frames with the events in them; with `show_all` every frame with all that it holds."""
    return _report(path, lambda reader: _info(reader, show_all))


def collisions(path: Path, first: str, second: str) -> str:
    """Collisions between actors of two categories: (h)ero, (v)ehicle, (w)alker, (t)raffic light, (o)ther, (a)ny."""
    return _report(path, lambda reader: _collisions(reader, first, second))


def blocked(path: Path, min_time_s: float, min_distance_cm: float) -> str:
    """Actors that moved less than a distance for a time, the longest first."""
    return _report(path, lambda reader: _blocked(reader, min_time_s, 0.01 * min_distance_cm))


def _report(path: Path, lines: Callable[[Reader], Iterator[str]]) -> str:
    try:
        reader = Reader(path)
    except OSError:
        return f"File {path} not found on server\n"
    except BadRecording as error:
        return f"File {path} is no recording of this server: {error}\n"
    with reader:
        text, length = _head(reader.header), 0
        for line in lines(reader):
            text.append(line)
            length += len(line) + 1
            if length > MAX_REPORT_CHARS:
                text.append("The report is cut here: it would be too long for one answer")
                break
        return "\n".join([*text, ""])


def _head(header: Header) -> list[str]:
    try:
        date = time.strftime("%m/%d/%y %H:%M:%S", time.localtime(header.unix_time))
    except (OverflowError, ValueError, OSError):
        date = "unknown"
    return ["Version: 1", f"Map: {header.map_name}", f"Date: {date}", ""]


def _tail(number: int, duration: str, truncated: bool) -> Iterator[str]:
    yield ""
    yield f"Frames: {number}"
    yield f"Duration: {duration} seconds"
    if truncated:
        yield "The file ends in the middle of a frame: what came after is lost"


# ---- events and frames -------------------------------------------------------------------------------------------


def _info(reader: Reader, show_all: bool) -> Iterator[str]:
    number, elapsed = 0, 0.0
    show = _Everything(reader.header.additional)
    for frame in reader.frames():
        number, elapsed = frame.number, frame.elapsed_s
        lines = list(_events(frame))
        if show_all:
            lines += show(frame)
        if lines or show_all:
            yield f"Frame {number} at {elapsed:g} seconds"
            yield from lines
    yield from _tail(number, f"{elapsed:g}", reader.truncated)


def _events(frame: Frame) -> Iterator[str]:
    for birth in frame.births:
        yield f" Create {birth.id}: {birth.type_id} ({birth.kind}) at {_centimetres(birth.pose[:3])}"
        for name, value in birth.attributes.items():
            yield f"  {name} = {value}"
    for actor_id in frame.deaths:
        yield f" Destroy {actor_id}"
    # Before the parents, where the parser of CARLA's ScenarioRunner expects them.
    for c in frame.collisions:
        heroes = [" (hero) " if hero else "" for hero in (c.first_hero, c.second_hero)]
        yield f" Collision id {c.number} between {c.first}{heroes[0]} with {c.second}{heroes[1]}"
    for birth in frame.births:
        if birth.parent:
            yield f" Parenting {birth.id} with {birth.parent} (parent)"


class _Everything:
    """All that a frame holds, as CARLA prints it: the state of all actors, also of those that did not change."""

    def __init__(self, additional: bool) -> None:
        self._additional = additional
        self._births: dict[int, Birth] = {}
        self._since: dict[int, float] = {}  # when the clock of a light was last written
        self._tables: dict[str, dict[int, np.void]] = {"motions": {}, "vehicles": {}, "walkers": {}, "signals": {}}

    def __call__(self, frame: Frame) -> Iterator[str]:
        self._births.update((birth.id, birth) for birth in frame.births)
        for name, known in self._tables.items():
            known.update((int(row["id"]), row) for row in getattr(frame, name))
        self._since.update((int(row["id"]), frame.elapsed_s) for row in frame.signals)
        for actor_id in frame.deaths:
            self._births.pop(actor_id, None)
            for known in self._tables.values():
                known.pop(actor_id, None)
        motions, vehicles, walkers, signals = self._tables.values()
        yield f" Positions: {len(motions)}"
        for actor_id, row in motions.items():
            pitch, yaw, roll = row["pose"][3:].tolist()
            place = _centimetres(row["pose"][:3].tolist())
            yield f"  Id: {actor_id} Location: {place} Rotation: {_triple((roll, pitch, yaw))}"
        yield f" State traffic lights: {len(signals)}"
        for actor_id, row in signals.items():
            elapsed = float(row["elapsed"]) + (0.0 if row["frozen"] else frame.elapsed_s - self._since[actor_id])
            yield f"  Id: {actor_id} state: {row['state']} frozen: {row['frozen']} elapsedTime: {elapsed:g}"
        # Only of those that have a position: parsers rely on it.
        vehicles, walkers = ({i: row for i, row in table.items() if i in motions} for table in (vehicles, walkers))
        yield f" Vehicle animations: {len(vehicles)}"
        for actor_id, row in vehicles.items():
            yield (
                f"  Id: {actor_id} Steering: {row['steer']:g} Throttle: {row['throttle']:g} Brake: {row['brake']:g} "
                f"Handbrake: {row['hand_brake']} Gear: {row['gear']}"
            )
        yield f" Walker animations: {len(walkers)}"
        for actor_id, row in walkers.items():
            yield f"  Id: {actor_id} speed: {100.0 * float(row['speed']):g}"
        yield f" Vehicle light animations: {len(vehicles)}"
        for actor_id, row in vehicles.items():
            yield f"  Id: {actor_id} {' '.join(name for bit, name in _LAMPS if row['lights'] & bit) or 'None'}"
        yield f" Scene light changes: {len(frame.lamps)}"
        for lamp in frame.lamps:
            shades = tuple(shade / 255.0 for shade in lamp["color"].tolist())
            yield (
                f"  Id: {lamp['id']} enabled: {bool(lamp['active'])} intensity: {lamp['intensity']:g} "
                f"RGB_color: {_triple(shades)}"
            )
        if self._additional:
            yield from self._details(frame, motions)
        if frame.weather is not None:
            yield " Weathers: 1"
            yield "  " + " ".join(f"{name}: {value:g}" for name, value in zip(_WEATHER, frame.weather, strict=True))

    def _details(self, frame: Frame, motions: dict[int, np.void]) -> Iterator[str]:
        moving = [i for i in motions if i in self._births and self._births[i].kind in (1, 2)]
        yield f" Dynamic actors: {len(moving)}"
        for actor_id in moving:
            rates = motions[actor_id]["rates"].tolist()
            yield f"  Id: {actor_id} linear_velocity: {_triple(rates[:3])} angular_velocity: {_triple(rates[3:6])}"
        signs = [birth for birth in frame.births if birth.type_id.startswith("traffic.")]
        others = [birth for birth in frame.births if not birth.type_id.startswith("traffic.")]
        yield f" Actor bounding boxes: {len(others)}"
        for birth in others:
            center, extent = birth.box
            yield f"  Id: {birth.id} origin: {_centimetres(center)} extension: {_centimetres(extent)}"
        yield f" Actor trigger volumes: {len(signs)}"  # whose place is the world's, not the actor's
        for birth in signs:
            place = compose(Pose(*birth.pose), Pose(*birth.box[0]))[:3]
            yield f"  Id: {birth.id} origin: {_centimetres(place)} extension: {_centimetres(birth.box[1])}"
        yield f" Current platform time: {frame.platform_s:g}"
        yield f" Physics Control events: {len(frame.physics)}"
        for vehicle, control in frame.physics:
            yield f"  Id: {vehicle}"
            yield from _physics(control)
        yield f" Traffic Light time events: {len(frame.times)}"
        for row in frame.times:
            yield (
                f"  Id: {row['id']} green_time: {row['green']:g} yellow_time: {row['yellow']:g} "
                f"red_time: {row['red']:g}"
            )


_PHYSICS = (
    "max_rpm", "MOI", "damping_rate_full_throttle", "damping_rate_zero_throttle_clutch_engaged",
    "damping_rate_zero_throttle_clutch_disengaged", "use_gear_auto_box", "gear_switch_time", "clutch_strength",
    "final_ratio",
)  # fmt: skip
_WHEEL = ("tire_friction", "damping_rate", "max_steer_angle", "radius", "max_brake_torque", "max_handbrake_torque")


def _physics(control: list[Any]) -> Iterator[str]:
    torque, *numbers, gears, mass, drag, center, steering, wheels, _ = control
    for name, value in zip(_PHYSICS, numbers, strict=True):
        yield f"   {name} = {str(value).lower() if isinstance(value, bool) else f'{value:g}'}"
    yield f"   mass = {mass:g}"
    yield f"   drag_coefficient = {drag:g}"
    yield f"   center_of_mass = {_triple(center)}"
    yield "   torque_curve =" + "".join(f" ({x:g}, {y:g})" for x, y in torque)
    yield "   steering_curve =" + "".join(f" ({x:g}, {y:g})" for x, y in steering)
    yield "   forward_gears:"
    for number, (ratio, down, up) in enumerate(gears):
        yield f"    gear {number}: ratio {ratio:g} down_ratio {down:g} up_ratio {up:g}"
    yield "   wheels:"
    for number, wheel in enumerate(wheels):
        values = " ".join(f"{name} {value:g}" for name, value in zip(_WHEEL, wheel, strict=False))
        yield f"    wheel {number}: {values} position {_triple(wheel[9])}"


# ---- questions ---------------------------------------------------------------------------------------------------


def _collisions(reader: Reader, first: str, second: str) -> Iterator[str]:
    yield f"{'Time':>8} {'Types':>6} {'Id':>6} {'Actor 1':<35} {'Id':>6} {'Actor 2':<35}"
    number, elapsed = 0, 0.0
    actors: dict[int, Birth] = {}
    before: set[tuple[int, int]] = set()
    for frame in reader.frames():
        number, elapsed = frame.number, frame.elapsed_s
        actors.update((birth.id, birth) for birth in frame.births)
        now: set[tuple[int, int]] = set()
        for c in frame.collisions:
            kinds = [_CATEGORIES[actors[i].kind] if i in actors else "o" for i in (c.first, c.second)]
            wanted = (first in ("a", kinds[0]) or (first == "h" and c.first_hero)) and (
                second in ("a", kinds[1]) or (second == "h" and c.second_hero)
            )
            if not wanted:
                continue
            pair = c.first, c.second
            now.add(pair)
            if pair not in before:  # a contact that goes on is one collision
                names = [actors[i].type_id if i in actors else "" for i in pair]
                yield (
                    f"{elapsed:>8.0f}   {kinds[0]} {kinds[1]}  {c.first:>6} {names[0]:<35} {c.second:>6} {names[1]:<35}"
                )
        before = now
        for actor_id in frame.deaths:
            actors.pop(actor_id, None)
    yield from _tail(number, f"{elapsed:.0f}", reader.truncated)


def _blocked(reader: Reader, min_time_s: float, min_distance_m: float) -> Iterator[str]:
    yield f"{'Time':>8} {'Id':>6} {'Actor':<35} {'Duration':>10}"
    number, elapsed = 0, 0.0
    actors: dict[int, _Standing] = {}
    found: list[tuple[float, str]] = []
    for frame in reader.frames():
        number, elapsed = frame.number, frame.elapsed_s
        for birth in frame.births:
            if birth.kind != 3 and not birth.parent and not birth.type_id.startswith(("sensor.", "traffic.")):
                actors[birth.id] = _Standing(birth)
        for motion in frame.motions:
            if int(motion["id"]) in actors:
                actors[int(motion["id"])].at = motion["pose"][:3]
        for actor_id in frame.deaths:
            gone = actors.pop(actor_id, None)
            if gone is not None and gone.duration >= min_time_s:
                found.append((gone.duration, gone.line()))
        for standing in actors.values():
            if math.dist(standing.at, standing.since_at) < min_distance_m:
                if standing.duration == 0.0:
                    standing.since = elapsed
                standing.duration += frame.duration_s
                continue
            if standing.duration >= min_time_s:
                found.append((standing.duration, standing.line()))
            standing.duration, standing.since_at = 0.0, standing.at
    found += [(standing.duration, standing.line()) for standing in actors.values() if standing.duration >= min_time_s]
    yield from (line for _, line in sorted(found, key=lambda entry: -entry[0]))
    yield from _tail(number, f"{elapsed:.0f}", reader.truncated)


class _Standing:
    """How long an actor has been within reach of the place where it was last seen moving."""

    def __init__(self, birth: Birth) -> None:
        self.birth = birth
        self.at = self.since_at = np.array(birth.pose[:3])
        self.since, self.duration = 0.0, 0.0

    def line(self) -> str:
        return f"{self.since:>8.0f} {self.birth.id:>6} {self.birth.type_id:<35} {self.duration:>10.0f}"


def _centimetres(metres: tuple[float, ...] | list[float]) -> str:
    return _triple([100.0 * value for value in metres])


def _triple(values: tuple[float, ...] | list[float]) -> str:
    return f"({', '.join(f'{value:g}' for value in values)})"
