"""Giving an actor a body: the row of the body table that physics moves."""

from __future__ import annotations

import numpy as np

from sim.server import powertrain
from sim.server.actors import Actor
from sim.server.blueprints.definition import MESH
from sim.server.blueprints.props import prop_mass
from sim.server.bodies import PROP, VEHICLE, WALKER, BodyTable

ADULT_KG, ADULT_HALF_HEIGHT_M = 75.0, 0.9
WALKER_INERTIA = 2.0  # kg m^2 about z


def embody(actor: Actor, table: BodyTable) -> np.void:
    """Allocate and fill the row of `actor`; sets `actor.row`. The row stays valid until the next allocation.

    Raises CallError, and allocates nothing, for an actor of an impossible size.
    """
    blueprint = actor.description.blueprint
    extent, center = blueprint.solid or actor.description.extent, actor.description.center
    index = table.allocate()
    row = table.rows[index]
    place(row, actor)
    for name, value in zip(("hx", "hy", "hz", "cx", "cy", "cz"), (*extent, *center)):
        row[name] = value
    row["simulate"] = row["collide"] = row["gravity"] = 1
    half_x, half_y, half_z = extent
    if actor.is_vehicle:
        row["kind"] = VEHICLE
        actor.physics = powertrain.default_control(blueprint)
        powertrain.apply_control(actor.physics, blueprint, table, index)
    elif actor.is_walker:
        row["kind"] = WALKER
        row["mass"] = ADULT_KG * half_z / ADULT_HALF_HEIGHT_M
        row["inertia"] = WALKER_INERTIA
        row["foot"] = half_z - center[2]
        row["sturdy"] = actor.description.flag("is_invincible")
    else:
        # Props stand where they were put until a client lets physics move them.
        row["kind"] = PROP
        row["mass"] = prop_mass(actor.description)
        row["inertia"] = row["mass"] * (half_x**2 + half_y**2) / 3.0
        row["foot"] = half_z - center[2]
        # A mesh of the client's choice falls when the client gave it a mass, as in CARLA.
        row["simulate"] = blueprint.kind == MESH and actor.description.number("mass") > 0.0
    if actor.parent is not None:
        row["simulate"] = row["collide"] = 0
    actor.row = index
    return row


def place(row: np.void, actor: Actor) -> None:
    """Put a body where its actor is."""
    for name, value in zip(("x", "y", "z", "pitch", "yaw", "roll"), actor.pose):
        row[name] = value


def push(
    row: np.void,
    impulse: tuple[float, float, float],
    spin: tuple[float, float, float] = (0.0, 0.0, 0.0),
    at: tuple[float, float, float] | None = None,
) -> None:
    """Change a body's velocity by an impulse (N s, world) at a point (m, world; by default its centre of mass) and an
    angular impulse (N m s). A body that stands on the ground turns about z alone."""
    if not row["simulate"]:
        return
    for name, value in zip(("vx", "vy", "vz"), impulse):
        row[name] += value / row["mass"]
    turn = np.array(spin, np.float64)
    if at is not None:
        center = np.array([row["x"], row["y"], row["z"] + row["cz"]])
        turn = turn + np.cross(np.asarray(at) - center, np.asarray(impulse))
    row["wz"] += np.degrees(turn[2] / row["inertia"])
    yaw = np.radians(row["yaw"])
    # Of a box about its other axes, with the mass spread as about z.
    about_x = row["inertia"] * (row["hy"] ** 2 + row["hz"] ** 2) / max(row["hx"] ** 2 + row["hy"] ** 2, 1e-6)
    about_y = row["inertia"] * (row["hx"] ** 2 + row["hz"] ** 2) / max(row["hx"] ** 2 + row["hy"] ** 2, 1e-6)
    row["wx"] += np.degrees((np.cos(yaw) * turn[0] + np.sin(yaw) * turn[1]) / max(about_x, 1e-6))
    row["wy"] += np.degrees((-np.sin(yaw) * turn[0] + np.cos(yaw) * turn[1]) / max(about_y, 1e-6))
