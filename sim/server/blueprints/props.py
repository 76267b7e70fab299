"""The static props of CARLA 0.9.16, its friction trigger, and the actors that have no body.

Ids: CARLA 0.9.16's props catalogue (Docs/catalogue_props.md) and blueprint library. Sizes: the bounding boxes that
CARLA's servers report, rounded to 1 cm (1 mm for small things). CARLA does not publish which of tiny, small, medium,
big and huge a prop is called; here its longest side decides.
"""

from __future__ import annotations

from sim.labels import Label
from sim.server.blueprints.definition import (
    CONTROLLER,
    EMPTY,
    FLOAT,
    MESH,
    STRING,
    TRIGGER,
    Blueprint,
    Description,
    Size,
    base_attributes,
    choice,
    fixed,
    tags_of,
)

DENSITY = 80.0  # kg/m^3
PARKED_CAR_KG = 1500.0
# id suffix, mesh family, length along x, width along y, height (m). Fixed furniture, which CARLA labels Static:
_FIXED: tuple[tuple[str, str, float, float, float], ...] = (
    ("advertisement", "billboard", 1.55, 0.29, 2.44),
    ("atm", "machine", 0.71, 0.87, 2.28),
    ("bench01", "bench", 1.54, 0.74, 0.97),
    ("bench02", "bench", 1.56, 0.54, 0.51),
    ("bench03", "bench", 1.58, 0.51, 0.51),
    ("busstop", "shelter", 3.88, 1.89, 2.74),
    ("busstoplb", "shelter", 1.89, 3.88, 2.74),
    ("calibrator", "slab", 1.55, 0.69, 0.20),
    ("clothesline", "clothesline", 6.65, 1.12, 2.06),
    ("doghouse", "hut", 1.08, 1.27, 1.09),
    ("fountain", "fountain", 8.40, 8.40, 6.92),
    ("gardenlamp", "lamp", 0.30, 0.28, 0.65),
    ("gnome", "gnome", 0.37, 0.38, 0.88),
    ("kiosk_01", "hut", 1.63, 1.65, 3.25),
    ("mailbox", "mailbox", 0.53, 0.44, 1.16),
    ("maptable", "lectern", 1.57, 0.62, 1.18),
    ("pergola", "pergola", 5.03, 5.09, 3.54),
    ("plantpot01", "plantpot", 1.09, 0.48, 0.56),
    ("plantpot02", "plantpot", 1.05, 0.43, 0.49),
    ("plantpot03", "plantpot", 1.05, 0.43, 0.49),
    ("plantpot04", "plantpot", 4.97, 0.74, 0.125),
    ("plantpot05", "plantpot", 0.40, 0.40, 0.28),
    ("plantpot06", "plantpot", 1.59, 1.59, 0.85),
    ("plantpot07", "plantpot", 0.49, 0.48, 0.56),
    ("plantpot08", "plantpot", 0.53, 0.53, 0.49),
    ("slide", "slide", 0.94, 4.12, 1.98),
    ("streetfountain", "tap", 0.29, 0.67, 1.26),
    ("streetsign", "panel", 1.06, 0.125, 2.15),
    ("streetsign01", "panel", 2.47, 0.30, 3.88),
    ("streetsign04", "panel", 1.17, 0.125, 2.77),
    ("swing", "swing", 4.11, 1.58, 2.57),
    ("swingcouch", "swing", 1.36, 2.36, 2.25),
    ("table", "table", 2.16, 2.15, 0.85),
    ("trampoline", "trampoline", 4.13, 4.13, 2.80),
    ("vendingmachine", "machine", 0.87, 1.10, 2.11),
)
# What can be carried or rolled away, which CARLA labels Dynamic:
_MOVABLE: tuple[tuple[str, str, float, float, float], ...] = (
    ("barbeque", "barbeque", 0.95, 0.50, 1.26),
    ("barrel", "barrel", 0.46, 0.47, 0.81),
    ("bike helmet", "ball", 0.186, 0.277, 0.171),
    ("bin", "bin", 0.55, 0.64, 1.06),
    ("box01", "box", 0.65, 0.65, 0.69),
    ("box02", "box", 0.65, 0.65, 0.65),
    ("box03", "box", 0.66, 0.67, 0.65),
    ("briefcase", "case", 0.543, 0.181, 0.433),
    ("brokentile01", "slab", 0.134, 0.176, 0.0066),
    ("brokentile02", "slab", 0.210, 0.152, 0.0076),
    ("brokentile03", "slab", 0.154, 0.145, 0.0085),
    ("brokentile04", "slab", 0.130, 0.126, 0.0102),
    ("chainbarrier", "chain", 1.49, 0.24, 0.89),
    ("chainbarrierend", "bollard", 0.24, 0.24, 0.89),
    ("clothcontainer", "container", 1.24, 1.89, 1.81),
    ("colacan", "can", 0.068, 0.072, 0.110),
    ("constructioncone", "cone", 0.34, 0.34, 0.59),
    ("container", "container", 1.93, 1.01, 1.71),
    ("creasedbox01", "box", 0.81, 0.71, 0.118),
    ("creasedbox02", "box", 1.63, 0.71, 0.212),
    ("creasedbox03", "slab", 1.67, 0.71, 0.022),
    ("dirtdebris01", "heap", 1.86, 1.51, 0.149),
    ("dirtdebris02", "heap", 1.86, 1.51, 0.149),
    ("dirtdebris03", "heap", 1.86, 1.51, 0.188),
    ("foodcart", "hut", 2.28, 4.64, 3.57),
    ("garbage01", "can", 0.053, 0.053, 0.087),
    ("garbage02", "slab", 0.053, 0.053, 0.0092),
    ("garbage03", "can", 0.060, 0.059, 0.079),
    ("garbage04", "can", 0.057, 0.056, 0.069),
    ("garbage05", "heap", 0.232, 0.233, 0.058),
    ("garbage06", "heap", 0.366, 0.213, 0.077),
    ("glasscontainer", "container", 1.95, 2.01, 1.79),
    ("guitarcase", "case", 1.242, 0.125, 0.494),
    ("haybale", "bale", 1.25, 1.19, 1.19),
    ("haybalelb", "bale", 1.25, 1.19, 1.19),
    ("ironplank", "slab", 1.45, 1.17, 0.0205),
    ("mobile", "phone", 0.080, 0.0073, 0.166),
    ("motorhelmet", "ball", 0.200, 0.259, 0.258),
    ("plasticbag", "bag", 0.311, 0.403, 0.552),
    ("plasticchair", "chair", 0.73, 0.75, 1.27),
    ("plastictable", "parasol", 2.48, 2.48, 2.48),
    ("platformgarbage01", "heap", 3.63, 1.71, 0.33),
    ("purse", "bag", 0.159, 0.333, 0.585),
    ("shoppingbag", "bag", 0.474, 0.243, 0.601),
    ("shoppingcart", "cart", 0.67, 1.21, 1.08),
    ("shoppingtrolley", "case", 0.506, 0.331, 1.094),
    ("streetbarrier", "barrier", 1.21, 0.37, 1.07),
    ("trafficcone01", "cone", 0.88, 0.88, 1.13),
    ("trafficcone02", "cone", 0.46, 0.39, 1.18),
    ("trafficwarning", "trailer", 2.37, 2.87, 3.57),
    ("trashbag", "bag", 0.378, 0.430, 0.702),
    ("trashcan01", "bin", 0.64, 0.57, 0.85),
    ("trashcan02", "bin", 0.52, 0.51, 1.05),
    ("trashcan03", "bin", 0.63, 0.55, 0.93),
    ("trashcan04", "bin", 0.79, 0.58, 1.02),
    ("trashcan05", "bin", 0.79, 0.58, 1.02),
    ("travelcase", "case", 0.567, 0.328, 1.263),
    ("warningaccident", "stand", 1.31, 1.06, 1.86),
    ("warningconstruction", "stand", 1.31, 1.06, 1.86),
    ("wateringcan", "can", 0.070, 0.194, 0.135),
)
# Trees: one walks under the crown and bumps into the trunk.
_TREES: tuple[tuple[str, float, float, float, float], ...] = (
    ("aporosatree", 12.96, 12.58, 15.63, 0.35),
    ("coconutpalm", 8.60, 8.89, 20.31, 0.20),
    ("cypresstree", 4.61, 4.63, 15.68, 0.30),
)


def _size(extent: Size) -> str:
    longest = 2.0 * max(extent)
    for limit, name in ((0.3, "tiny"), (0.8, "small"), (1.8, "medium"), (4.0, "big")):
        if longest < limit:
            return name
    return "huge"


def _prop(uid: int, suffix: str, kind: str, extent: Size, tag: Label, solid: Size | None = None) -> Blueprint:
    identifier = f"static.prop.{suffix}"
    attributes = (*base_attributes(identifier, ("prop",)), fixed("size", STRING, _size(extent)))
    return Blueprint(
        uid, identifier, tags_of(identifier), attributes, kind, extent, (0.0, 0.0, extent[2]), (tag,), solid=solid
    )


def props(first_uid: int) -> list[Blueprint]:
    """The props' blueprints, numbered from `first_uid`."""
    found: list[Blueprint] = []
    for rows, tag in ((_FIXED, Label.STATIC), (_MOVABLE, Label.DYNAMIC)):
        for suffix, kind, length, width, height in rows:
            extent = (length / 2.0, width / 2.0, height / 2.0)
            found.append(_prop(first_uid + len(found), suffix, kind, extent, tag))
    for suffix, length, width, height, trunk in _TREES:
        extent = (length / 2.0, width / 2.0, height / 2.0)
        solid = (trunk, trunk, height / 2.0)
        found.append(_prop(first_uid + len(found), suffix, "tree", extent, Label.VEGETATION, solid))
    return found


def others(first_uid: int) -> list[Blueprint]:
    """Prop from a mesh of the client's choice, friction trigger, walker controller and empty actor."""
    mesh = (
        choice("mesh_path", STRING, ""),
        choice("mass", FLOAT, "0.0"),
        choice("scale", FLOAT, "1.0"),
    )
    # CARLA writes these defaults as C++ literals (3.5f); their numbers are the same.
    friction = (
        choice("friction", FLOAT, "3.5"),
        *(choice(f"extent_{axis}", FLOAT, "1.0") for axis in "xyz"),
    )
    rows = (
        ("static.prop.mesh", MESH, "default", mesh, (Label.STATIC,)),
        ("static.trigger.friction", TRIGGER, "default", friction, ()),
        ("controller.ai.walker", CONTROLLER, "default", (), ()),
        ("util.actor.empty", EMPTY, "default", (), ()),
    )
    return [
        Blueprint(
            first_uid + index,
            identifier,
            tags_of(identifier),
            (*base_attributes(identifier, (role,)), *attributes),
            kind,
            semantic_tags=tags,
        )
        for index, (identifier, kind, role, attributes, tags) in enumerate(rows)
    ]


def prop_mass(description: Description) -> float:
    """Mass (kg) of a prop: what the client chose, or that of light stuff filling its box."""
    chosen = description.number("mass") if description.blueprint.kind == MESH else 0.0
    if chosen > 0.0:
        return chosen
    if description.blueprint.stand_in is not None:
        return PARKED_CAR_KG
    half_x, half_y, half_z = description.blueprint.solid or description.extent
    return max(3.0, DENSITY * 8.0 * half_x * half_y * half_z)
