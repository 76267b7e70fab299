"""The catalogue of what can be spawned: ids, attributes, dimensions and masses.

Ids, attributes and half extents follow CARLA 0.9.16's catalogue; masses are the makers' kerb weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sim.server.errors import BadArguments, CallError
from sim.server.wire import integer, items, text

BOOL, INT, FLOAT, STRING, COLOR = 1, 2, 3, 4, 5

CAR, VAN, TRUCK, BUS, MOTORCYCLE, BICYCLE = "car", "van", "truck", "bus", "motorcycle", "bicycle"
_VEHICLE_TAGS = {CAR: 14, VAN: 14, TRUCK: 15, BUS: 16, MOTORCYCLE: 18, BICYCLE: 19}
_PALETTE = ("180,30,30", "40,70,150", "230,230,230", "25,25,28", "110,115,120", "35,110,60", "200,160,40")


@dataclass(frozen=True)
class Attribute:
    """One blueprint attribute; `value` is its default, written as CARLA writes it."""

    name: str
    type: int
    value: str
    recommended: tuple[str, ...] = ()
    modifiable: bool = True

    def packed(self) -> list[Any]:
        """The attribute's wire form."""
        return [self.name, self.type, self.value, list(self.recommended), self.modifiable, False]


@dataclass(frozen=True)
class Chassis:
    """What moves a vehicle (SI units). `peak_torque_nm` is the engine's, `top_speed_ms` an electronic limit."""

    wheels: int
    mass_kg: float
    wheel_radius_m: float
    peak_torque_nm: float
    max_rpm: float
    final_ratio: float
    gears: tuple[float, ...]
    drag: float
    brake_torque_nm: float
    cog_height_m: float


@dataclass(frozen=True)
class Blueprint:
    """One entry of the catalogue. `extent` (half sizes, m) and `center` (m) are the bounding box in the actor's frame;
    `kind` is the mesh family that `sim.render.models` draws."""

    uid: int
    id: str
    tags: str
    attributes: tuple[Attribute, ...]
    kind: str = ""
    extent: tuple[float, float, float] = (0.0, 0.0, 0.0)
    center: tuple[float, float, float] = (0.0, 0.0, 0.0)
    semantic_tag: int = 0
    chassis: Chassis | None = None

    def packed(self) -> list[Any]:
        """The definition's wire form."""
        return [self.uid, self.id, self.tags, [attribute.packed() for attribute in self.attributes]]


@dataclass(frozen=True)
class Description:
    """A blueprint with the values that a client chose."""

    blueprint: Blueprint
    values: Mapping[str, str] = field(default_factory=dict)

    def packed(self) -> list[Any]:
        """The description's wire form, read-only attributes included."""
        return [
            self.blueprint.uid,
            self.blueprint.id,
            [[a.name, a.type, self.values[a.name]] for a in self.blueprint.attributes],
        ]

    def number(self, name: str) -> float:
        """An attribute as a float. Raises CallError when it is not one."""
        try:
            return float(self.values[name])
        except ValueError:
            raise CallError(f"{self.blueprint.id}: attribute {name}={self.values[name]!r} is not a number") from None

    def flag(self, name: str) -> bool:
        """An attribute as a bool; False when the blueprint has no such attribute."""
        return self.values.get(name, "false").lower() == "true"

    def color(self) -> tuple[int, int, int]:
        """The paint, white when there is none or when it cannot be read."""
        try:
            red, green, blue = (min(255, max(0, int(part))) for part in self.values.get("color", "").split(","))
        except ValueError:
            return (255, 255, 255)
        return (red, green, blue)


def _role(default: str, *recommended: str) -> Attribute:
    return Attribute("role_name", STRING, default, (default, *recommended))


def _fixed(name: str, kind: int, value: str) -> Attribute:
    return Attribute(name, kind, value, (), False)


def _chassis(kind: str, mass: float, radius: float, torque: float) -> Chassis:
    if kind == BICYCLE:
        return Chassis(2, mass, radius, torque, 300.0, 1.0, (1.5, 1.0), 0.4, 140.0, 0.9)
    if kind == MOTORCYCLE:
        return Chassis(2, mass, radius, torque, 11000.0, 4.0, (2.6, 1.9, 1.5, 1.2, 1.0), 0.4, 700.0, 0.6)
    gears = (4.2, 2.5, 1.7, 1.2, 0.9, 0.72)
    heavy = kind in (TRUCK, BUS)
    cog = {CAR: 0.55, VAN: 0.8}.get(kind, 1.2)
    brake = max(1500.0, 1.1 * mass * 9.81 * radius / 4.0)
    return Chassis(4, mass, radius, torque, 3200.0 if heavy else 6000.0, 4.0, gears, 0.7 if heavy else 0.3, brake, cog)


# id, mesh family, half extents (m), mass (kg), wheel radius (m), peak engine torque (N m), base type, generation
_VEHICLES: tuple[tuple[str, str, tuple[float, float, float], float, float, float, str, int], ...] = (
    ("vehicle.audi.a2", CAR, (1.852, 0.895, 0.775), 1000.0, 0.31, 230.0, "car", 1),
    ("vehicle.audi.etron", CAR, (2.428, 1.016, 0.824), 2490.0, 0.38, 560.0, "car", 1),
    ("vehicle.audi.tt", CAR, (2.090, 0.997, 0.693), 1400.0, 0.34, 370.0, "car", 1),
    ("vehicle.bmw.grandtourer", CAR, (2.306, 1.121, 0.833), 1600.0, 0.34, 350.0, "car", 1),
    ("vehicle.citroen.c3", CAR, (1.994, 0.925, 0.808), 1150.0, 0.31, 240.0, "car", 1),
    ("vehicle.dodge.charger_police", CAR, (2.487, 1.019, 0.771), 1920.0, 0.36, 480.0, "car", 1),
    ("vehicle.ford.mustang", CAR, (2.359, 0.947, 0.650), 1700.0, 0.35, 480.0, "car", 1),
    ("vehicle.jeep.wrangler_rubicon", CAR, (1.933, 0.953, 0.939), 2000.0, 0.40, 400.0, "car", 1),
    ("vehicle.lincoln.mkz_2017", CAR, (2.451, 1.064, 0.755), 1800.0, 0.35, 400.0, "car", 1),
    ("vehicle.lincoln.mkz_2020", CAR, (2.446, 1.064, 0.745), 1800.0, 0.35, 400.0, "car", 2),
    ("vehicle.mini.cooper_s", CAR, (1.903, 0.985, 0.738), 1200.0, 0.31, 280.0, "car", 1),
    ("vehicle.nissan.micra", CAR, (1.817, 0.923, 0.751), 1050.0, 0.30, 220.0, "car", 1),
    ("vehicle.nissan.patrol", CAR, (2.302, 0.966, 0.927), 2200.0, 0.40, 450.0, "car", 1),
    ("vehicle.seat.leon", CAR, (2.096, 0.908, 0.737), 1300.0, 0.32, 300.0, "car", 1),
    ("vehicle.tesla.model3", CAR, (2.396, 1.082, 0.744), 1845.0, 0.35, 480.0, "car", 1),
    ("vehicle.toyota.prius", CAR, (2.257, 1.000, 0.762), 1450.0, 0.32, 300.0, "car", 1),
    ("vehicle.mercedes.sprinter", VAN, (2.958, 0.994, 1.283), 2500.0, 0.35, 450.0, "van", 2),
    ("vehicle.volkswagen.t2", VAN, (2.240, 1.035, 1.019), 1400.0, 0.33, 250.0, "van", 1),
    ("vehicle.carlamotors.carlacola", TRUCK, (2.601, 1.313, 1.234), 5500.0, 0.45, 1100.0, "truck", 1),
    ("vehicle.carlamotors.firetruck", TRUCK, (4.234, 1.446, 1.914), 12000.0, 0.52, 2600.0, "truck", 2),
    ("vehicle.mitsubishi.fusorosa", BUS, (5.136, 1.972, 2.126), 6500.0, 0.42, 1300.0, "bus", 2),
    ("vehicle.harley-davidson.low_rider", MOTORCYCLE, (1.178, 0.381, 0.755), 400.0, 0.31, 120.0, "motorcycle", 1),
    ("vehicle.kawasaki.ninja", MOTORCYCLE, (1.014, 0.400, 0.725), 290.0, 0.30, 110.0, "motorcycle", 1),
    ("vehicle.yamaha.yzf", MOTORCYCLE, (1.105, 0.433, 0.760), 280.0, 0.30, 110.0, "motorcycle", 1),
    ("vehicle.bh.crossbike", BICYCLE, (0.744, 0.430, 0.890), 95.0, 0.33, 40.0, "bicycle", 1),
    ("vehicle.diamondback.century", BICYCLE, (0.821, 0.186, 0.885), 95.0, 0.33, 40.0, "bicycle", 1),
    ("vehicle.gazelle.omafiets", BICYCLE, (0.921, 0.165, 0.890), 100.0, 0.33, 40.0, "bicycle", 1),
)

# id suffix, mesh family, half extents (m)
_PROPS: tuple[tuple[str, str, tuple[float, float, float]], ...] = (
    ("trafficcone01", "cone", (0.20, 0.20, 0.37)),
    ("trafficcone02", "cone", (0.18, 0.18, 0.33)),
    ("constructioncone", "cone", (0.17, 0.17, 0.29)),
    ("streetbarrier", "barrier", (0.20, 0.60, 0.53)),
    ("trafficwarning", "sign", (0.35, 1.20, 1.20)),
    ("warningconstruction", "sign", (0.30, 0.60, 0.75)),
    ("warningaccident", "sign", (0.30, 0.60, 0.75)),
    ("chainbarrier", "barrier", (0.10, 0.75, 0.45)),
    ("box01", "box", (0.30, 0.30, 0.30)),
    ("box02", "box", (0.35, 0.30, 0.25)),
    ("box03", "box", (0.25, 0.25, 0.20)),
    ("creasedbox01", "box", (0.35, 0.30, 0.20)),
    ("container", "box", (1.00, 0.60, 0.70)),
    ("barrel", "box", (0.30, 0.30, 0.45)),
    ("dirtdebris01", "box", (0.60, 0.60, 0.10)),
)

_SENSOR_TICK = Attribute("sensor_tick", FLOAT, "0.0")
_CAMERA_ATTRIBUTES = (
    _role("front", "back", "left", "right"),
    Attribute("image_size_x", INT, "800"),
    Attribute("image_size_y", INT, "600"),
    Attribute("fov", FLOAT, "90.0"),
    _SENSOR_TICK,
    Attribute("lens_circle_falloff", FLOAT, "5.0"),
    Attribute("lens_circle_multiplier", FLOAT, "0.0"),
    Attribute("lens_k", FLOAT, "-1.0"),
    Attribute("lens_kcube", FLOAT, "0.0"),
    Attribute("lens_x_size", FLOAT, "0.08"),
    Attribute("lens_y_size", FLOAT, "0.08"),
)
# Accepted and returned, without effect on the picture.
_RGB_ATTRIBUTES = (
    Attribute("enable_postprocess_effects", BOOL, "true"),
    Attribute("gamma", FLOAT, "2.2"),
    Attribute("motion_blur_intensity", FLOAT, "0.45"),
    Attribute("motion_blur_max_distortion", FLOAT, "0.35"),
    Attribute("motion_blur_min_object_screen_size", FLOAT, "0.1"),
    Attribute("exposure_mode", STRING, "histogram", ("manual", "histogram")),
    Attribute("exposure_compensation", FLOAT, "0.0"),
    Attribute("shutter_speed", FLOAT, "200.0"),
    Attribute("iso", FLOAT, "100.0"),
    Attribute("fstop", FLOAT, "1.4"),
    Attribute("bloom_intensity", FLOAT, "0.675"),
    Attribute("lens_flare_intensity", FLOAT, "0.1"),
)
_IMU_ATTRIBUTES = tuple(
    Attribute(f"noise_{quantity}_{axis}", FLOAT, "0.0")
    for quantity in ("accel_stddev", "gyro_stddev", "gyro_bias")
    for axis in "xyz"
)
_GNSS_ATTRIBUTES = tuple(
    Attribute(f"noise_{axis}_{quantity}", FLOAT, "0.0")
    for axis in ("alt", "lat", "lon")
    for quantity in ("bias", "stddev")
)
_SENSORS: tuple[tuple[str, tuple[Attribute, ...]], ...] = (
    ("sensor.camera.rgb", _CAMERA_ATTRIBUTES + _RGB_ATTRIBUTES),
    ("sensor.camera.depth", _CAMERA_ATTRIBUTES),
    ("sensor.camera.semantic_segmentation", _CAMERA_ATTRIBUTES),
    ("sensor.camera.instance_segmentation", _CAMERA_ATTRIBUTES),
    ("sensor.other.collision", (_role("collision"),)),
    ("sensor.other.lane_invasion", (_role("lane_invasion"),)),
    ("sensor.other.imu", (_role("imu"), _SENSOR_TICK, Attribute("noise_seed", INT, "0"), *_IMU_ATTRIBUTES)),
    ("sensor.other.gnss", (_role("gnss"), _SENSOR_TICK, Attribute("noise_seed", INT, "0"), *_GNSS_ATTRIBUTES)),
)


def _vehicle(uid: int, row: tuple[str, str, tuple[float, float, float], float, float, float, str, int]) -> Blueprint:
    identifier, kind, extent, mass, radius, torque, base_type, generation = row
    chassis = _chassis(kind, mass, radius, torque)
    attributes = (
        _role("autopilot", "hero", "scenario"),
        Attribute("color", COLOR, _PALETTE[uid % len(_PALETTE)], _PALETTE),
        Attribute("driver_id", INT, "0", ("0", "1", "2")),
        Attribute("sticky_control", BOOL, "true"),
        Attribute("terramechanics", BOOL, "false"),
        _fixed("number_of_wheels", INT, str(chassis.wheels)),
        _fixed("base_type", STRING, base_type),
        _fixed("object_type", STRING, ""),
        _fixed("special_type", STRING, "emergency" if "police" in identifier or "fire" in identifier else ""),
        _fixed("generation", INT, str(generation)),
        _fixed("has_lights", BOOL, "true" if chassis.wheels == 4 else "false"),
        _fixed("has_dynamic_doors", BOOL, "false"),
    )
    center = (0.0, 0.0, extent[2])
    tags = ",".join(identifier.split("."))
    return Blueprint(uid, identifier, tags, attributes, kind, extent, center, _VEHICLE_TAGS[kind], chassis)


def _walker(uid: int, index: int) -> Blueprint:
    child = index in (9, 10)
    attributes = (
        _role("pedestrian"),
        Attribute("is_invincible", BOOL, "true"),
        Attribute("speed", FLOAT, "1.4", ("0.0", "1.1" if child else "1.4", "2.4" if child else "3.5")),
        Attribute("use_wheelchair", BOOL, "false", ("false",), False),
        _fixed("can_use_wheelchair", BOOL, "false"),
        _fixed("gender", STRING, "female" if index % 2 == 0 else "male"),
        _fixed("age", STRING, "child" if child else "adult"),
        _fixed("generation", INT, "2"),
    )
    extent = (0.16, 0.18, 0.60) if child else (0.19, 0.22, 0.93 - 0.02 * (index % 4))
    return Blueprint(
        uid, f"walker.pedestrian.{index:04d}", f"walker,pedestrian,{index:04d}", attributes, "walker", extent,
        semantic_tag=12,
    )  # fmt: skip


def _prop(uid: int, suffix: str, kind: str, extent: tuple[float, float, float]) -> Blueprint:
    attributes = (_role("prop"), _fixed("size", STRING, "small" if max(extent) < 0.5 else "medium"))
    return Blueprint(
        uid, f"static.prop.{suffix}", f"static,prop,{suffix}", attributes, kind, extent, (0.0, 0.0, extent[2]), 20
    )


def _catalogue() -> dict[str, Blueprint]:
    entries: list[Blueprint] = []
    for row in _VEHICLES:
        entries.append(_vehicle(len(entries) + 1, row))
    for index in range(1, 11):
        entries.append(_walker(len(entries) + 1, index))
    for suffix, kind, extent in _PROPS:
        entries.append(_prop(len(entries) + 1, suffix, kind, extent))
    for identifier, attributes in _SENSORS:
        entries.append(Blueprint(len(entries) + 1, identifier, ",".join(identifier.split(".")), attributes))
    return {entry.id: entry for entry in entries}


CATALOGUE: Mapping[str, Blueprint] = _catalogue()
SPECTATOR = Blueprint(0, "spectator", "spectator", ())


def read_description(value: object) -> Description:
    """A client's description [uid, id, [[name, type, value]]]. Raises BadArguments or CallError."""
    uid, identifier, attributes = items(value, 3)
    integer(uid)
    blueprint = CATALOGUE.get(text(identifier))
    if blueprint is None:
        raise CallError(f"no blueprint {identifier!r} in this server's catalogue")
    values = {attribute.name: attribute.value for attribute in blueprint.attributes}
    for attribute in items(attributes):
        name, _, chosen = items(attribute, 3)
        if text(name) not in values:
            raise BadArguments(f"{identifier} has no attribute {name!r:.40}")
        values[name] = text(chosen)
    return Description(blueprint, values)
