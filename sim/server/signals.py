"""Traffic lights and signs of an episode: their actors, the lights' phases, and their part of the snapshot.

Groups, phases and defaults follow CARLA's traffic light groups: the controllers of a junction take turns, each one
green, then yellow, then red, while all others stay red.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.geometry import Pose
from sim.labels import Label
from sim.maps.lane_boxes import Box
from sim.maps.regulation import BOX_HEIGHT_M, Regulation, Zone
from sim.maps.signal_posts import light_heads
from sim.maps.signals import SPEED_LIMIT, STOP, TRAFFIC_LIGHT, YIELD, Signal
from sim.render.signal_models import HEAD_HALF
from sim.server.actors import Actor
from sim.server.blueprints import Blueprint, Description
from sim.server.errors import CallError

if TYPE_CHECKING:
    from sim.render.renderer import Movable

RED, YELLOW, GREEN, OFF, UNKNOWN = range(5)
GREEN_S, YELLOW_S, RED_S = 10.0, 3.0, 2.0  # CARLA's defaults; red is the time in which all lights of a group are red

_RECORD = np.dtype(
    [
        ("id", "<u4"), ("active", "u1"), ("motion", "<f4", 15), ("signal", "S32"),
        ("green", "<f4"), ("yellow", "<f4"), ("red", "<f4"), ("elapsed", "<f4"),
        ("pole", "<u4"), ("frozen", "u1"), ("state", "u1"),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Light:
    """A traffic light: its actor, its row in the records, and which controller of which group switches it."""

    actor: Actor
    row: int
    group: int
    controller: int


@dataclass
class Phases:
    """Lights that are switched together, and how long (s) each of their states lasts."""

    lights: list[int] = field(default_factory=list)  # actor ids
    times: dict[int, float] = field(default_factory=lambda: {GREEN: GREEN_S, YELLOW: YELLOW_S, RED: RED_S})


@dataclass
class Group:
    """The controllers of one junction and the phase that they are in."""

    controllers: list[Phases] = field(default_factory=list)
    current: int = 0
    phase: int = GREEN
    elapsed_s: float = 0.0
    frozen: bool = False


class Signals:
    """All lights and signs of an episode."""

    def __init__(self, regulation: Regulation, new_id: Callable[[], int]) -> None:
        self.regulation = regulation
        zones: dict[str, list[Zone]] = {}
        for zone in regulation.zones:
            zones.setdefault(zone.signal, []).append(zone)
        self.actors: dict[int, Actor] = {}
        self.zones: list[tuple[Actor, Zone]] = []
        self._signal_of: dict[int, str] = {}
        for signal in regulation.plan.signals:
            kind = _type_id(signal)
            if kind is not None:
                own = zones.get(signal.id, [])
                actor = _actor(new_id(), kind, signal, own[0].box if own else None)
                self.actors[actor.id] = actor
                self._signal_of[actor.id] = signal.id
                self.zones += [(actor, zone) for zone in own]
        self.lights: dict[int, Light] = {}
        self.groups: list[Group] = []
        self._records = np.zeros(len(self.actors), _RECORD)
        for row, actor in enumerate(self.actors.values()):
            record = self._records[row]
            record["id"], record["active"] = actor.id, 1
            record["motion"][:6] = actor.pose
            record["signal"] = self._signal_of[actor.id].encode()[:31]
        self._form_groups(regulation, zones)
        ids = {signal: actor_id for actor_id, signal in self._signal_of.items()}
        self.heads = [(ids[head.signal], head.pose) for head in light_heads(regulation)]
        self._shown = b""
        self._movables: list[Movable] = []
        self.reset_all()

    def _form_groups(self, regulation: Regulation, zones: dict[str, list[Zone]]) -> None:
        """Controllers by junction, in the order of their sequence numbers; a light without one has one of its own."""
        rows = {identifier: row for row, identifier in enumerate(self._signal_of.values())}
        lights = {self._signal_of[i]: a for i, a in self.actors.items() if a.description.blueprint.kind == "light"}
        known = {controller.id: controller for controller in regulation.plan.controllers}
        chosen: dict[str, list[list[str]]] = {}
        for junction, identifiers in regulation.plan.junctions:
            for controller in sorted((known[i] for i in identifiers if i in known), key=lambda item: item.sequence):
                chosen.setdefault(junction, []).append([s for s in controller.signals if s in lights])
        taken = {signal for members in chosen.values() for signals in members for signal in signals}
        for controller in regulation.plan.controllers:
            for signal in controller.signals:
                if signal in lights and signal not in taken:
                    chosen.setdefault(_junction(signal, zones), []).append([signal])
                    taken.add(signal)
        for signal in lights:
            if signal not in taken:
                chosen.setdefault(_junction(signal, zones), []).append([signal])
        for members in chosen.values():
            group = Group()
            for signals in members:
                phases = Phases()
                for signal in signals:
                    actor = lights[signal]
                    if actor.id not in self.lights:
                        place = (len(self.groups), len(group.controllers))
                        self.lights[actor.id] = Light(actor, rows[signal], *place)
                        self._records[rows[signal]]["pole"] = place[1]
                        phases.lights.append(actor.id)
                if phases.lights:
                    group.controllers.append(phases)
            if group.controllers:
                self.groups.append(group)

    # ---- time ----------------------------------------------------------------------------------------------------

    def advance(self, delta_s: float) -> None:
        """Let `delta_s` seconds pass."""
        for group in self.groups:
            if group.frozen:
                continue
            group.elapsed_s += delta_s
            if group.elapsed_s >= group.controllers[group.current].times[group.phase] - 1e-6:
                self._next_phase(group)
            for controller in group.controllers:
                for light in controller.lights:
                    self._records["elapsed"][self.lights[light].row] = group.elapsed_s

    def _next_phase(self, group: Group) -> None:
        if group.phase == RED:
            group.current = (group.current + 1) % len(group.controllers)
        self._enter(group, {GREEN: YELLOW, YELLOW: RED, RED: GREEN}[group.phase])

    def _enter(self, group: Group, phase: int) -> None:
        group.phase, group.elapsed_s = phase, 0.0
        for actor_id in group.controllers[group.current].lights:
            self._records["state"][self.lights[actor_id].row] = phase

    def _reset(self, group: Group) -> None:
        for controller in group.controllers:
            for actor_id in controller.lights:
                row = self.lights[actor_id].row
                record = self._records[row]
                record["state"], record["elapsed"], record["frozen"] = RED, 0.0, group.frozen
                record["green"], record["yellow"], record["red"] = (controller.times[p] for p in (GREEN, YELLOW, RED))
        group.current = 0
        self._enter(group, GREEN)

    # ---- commands ------------------------------------------------------------------------------------------------

    def light(self, actor_id: int) -> Light:
        """A traffic light. Raises CallError."""
        found = self.lights.get(actor_id)
        if found is None:
            raise CallError(f"actor {actor_id} is not a traffic light")
        return found

    def state(self, actor_id: int) -> int:
        """The colour that a light shows."""
        return int(self._records["state"][self.light(actor_id).row])

    def set_state(self, actor_id: int, state: int) -> None:
        """Show `state` until the light's controller changes it. Raises CallError."""
        if not RED <= state <= UNKNOWN:
            raise CallError(f"{state} is no traffic light state: 0 (red) to 4 (unknown)")
        self._records["state"][self.light(actor_id).row] = state

    def set_time(self, actor_id: int, state: int, seconds: float) -> None:
        """How long the light's controller stays in `state`. Raises CallError."""
        light = self.light(actor_id)
        if seconds < 0.0:
            raise CallError(f"a traffic light cannot stay in a state for {seconds} s")
        controller = self.groups[light.group].controllers[light.controller]
        controller.times[state] = seconds
        name = {GREEN: "green", YELLOW: "yellow", RED: "red"}[state]
        for member in controller.lights:
            self._records[name][self.lights[member].row] = seconds

    def freeze(self, actor_id: int, frozen: bool) -> None:
        """Stop or resume the clock of the light's group. Raises CallError."""
        self._freeze(self.groups[self.light(actor_id).group], frozen)

    def freeze_all(self, frozen: bool) -> None:
        """Stop or resume the clocks of all groups."""
        for group in self.groups:
            self._freeze(group, frozen)

    def _freeze(self, group: Group, frozen: bool) -> None:
        group.frozen = frozen
        for controller in group.controllers:
            for actor_id in controller.lights:
                self._records["frozen"][self.lights[actor_id].row] = frozen

    def reset_group(self, actor_id: int) -> None:
        """Begin the cycle of the light's group again. Raises CallError."""
        self._reset(self.groups[self.light(actor_id).group])

    def reset_all(self) -> None:
        """Begin every group's cycle again."""
        for group in self.groups:
            self._reset(group)

    def group_of(self, actor_id: int) -> list[int]:
        """Ids of all lights of the light's group. Raises CallError."""
        group = self.groups[self.light(actor_id).group]
        return [member for controller in group.controllers for member in controller.lights]

    def clocks(self) -> np.ndarray:
        """float64 (lights, 6) of all lights, in the order of `lights`.

        State, whether frozen, seconds since the state began, and how long green, yellow and red last (s).
        """
        rows = [light.row for light in self.lights.values()]
        names = ("state", "frozen", "elapsed", "green", "yellow", "red")
        return np.stack([self._records[name][rows].astype(float) for name in names], axis=1)

    def show(self, actor_id: int, state: int, frozen: bool, elapsed_s: float) -> None:
        """Show what a recording has of a light, whatever its group's clock says, until the clock changes it."""
        light = self.lights.get(actor_id)
        if light is not None and RED <= state <= UNKNOWN:
            record = self._records[light.row]
            record["state"], record["frozen"], record["elapsed"] = state, frozen, elapsed_s

    # ---- what clients see ----------------------------------------------------------------------------------------

    def light_boxes(self, actor_id: int) -> list[list[Any]]:
        """Wire form of the boxes (in the world) around the heads of a light. Raises CallError."""
        self.light(actor_id)
        boxes = []
        for owner, pose in self.heads:
            if owner == actor_id:
                turn = math.radians(pose.yaw)
                center = [pose.x - HEAD_HALF[0] * math.cos(turn), pose.y - HEAD_HALF[0] * math.sin(turn), pose.z]
                boxes.append([center, list(HEAD_HALF), [0.0, pose.yaw, 0.0], actor_id])
        return boxes

    def records(self) -> bytes:
        """The snapshot's records of all lights and signs, 119 bytes each."""
        return self._records.tobytes()

    def head_movables(self) -> list[Movable]:
        """The heads of the traffic lights as they shine now."""
        from sim.render.renderer import Movable
        from sim.render.signal_models import light_mesh

        shown = self._records["state"].tobytes()
        if shown != self._shown:
            self._shown = shown
            self._movables = [
                Movable(actor_id, light_mesh(self.state(actor_id)), pose, shadow=False) for actor_id, pose in self.heads
            ]
        return self._movables

    def states(self) -> np.ndarray:
        """uint8 (actors,): the colour of each light, in the order of `actors`; 0 for signs."""
        return np.ascontiguousarray(self._records["state"])


def _type_id(signal: Signal) -> str | None:
    if signal.type == SPEED_LIMIT and signal.value > 0.0:
        return f"traffic.speed_limit.{round(signal.value)}"
    return {TRAFFIC_LIGHT: "traffic.traffic_light", STOP: "traffic.stop", YIELD: "traffic.yield"}.get(signal.type)


def _junction(signal: str, zones: dict[str, list[Zone]]) -> str:
    """The junction that a light leads into; a light that leads into none stands alone."""
    return next((zone.junction for zone in zones.get(signal, []) if zone.junction), f"signal {signal}")


def _actor(actor_id: int, type_id: str, signal: Signal, box: Box | None) -> Actor:
    """The actor of a signal. Its x axis lies across the lanes, as in CARLA, whose client samples a light's trigger
    volume along x to find where to stop; its bounding box is that volume."""
    yaw = signal.pose.yaw + 90.0
    center, extent = (0.0, 0.0, 0.5 * BOX_HEIGHT_M), (0.5, 0.5, 0.5 * BOX_HEIGHT_M)
    if box is not None:
        across = box.yaw + 90.0
        opposite = math.cos(math.radians(across - yaw)) < 0.0
        yaw = across + (180.0 if opposite else 0.0)
        c, s = math.cos(math.radians(yaw)), math.sin(math.radians(yaw))
        dx, dy = box.x - signal.pose.x, box.y - signal.pose.y
        center = (c * dx + s * dy, c * dy - s * dx, box.z - signal.pose.z + 0.5 * BOX_HEIGHT_M)
        extent = (box.half_width, box.half_length, 0.5 * BOX_HEIGHT_M)
    pose = Pose(signal.pose.x, signal.pose.y, signal.pose.z, yaw=(yaw + 180.0) % 360.0 - 180.0)
    is_light = signal.type == TRAFFIC_LIGHT
    blueprint = Blueprint(
        0, type_id, ",".join(type_id.split(".")), (), "light" if is_light else "sign", extent, center,
        (Label.TRAFFIC_LIGHT if is_light else Label.TRAFFIC_SIGNS,),
    )  # fmt: skip
    return Actor(actor_id, Description(blueprint, {}), pose)
