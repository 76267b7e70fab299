"""Cross-sections of generated roads: which lanes lie side by side, how one profile tapers into the next."""

from __future__ import annotations

from dataclasses import dataclass

LANE_WIDTH = 3.5
EDGE_WIDTH = 0.15


@dataclass(frozen=True)
class Profile:
    """A cross-section. `left` and `right` count driving lanes (left ones run against s); widths in metres.

    `left` = 0 makes a one-way carriageway. `median` is the full width between the two directions, 0 for a double
    yellow line. `parking` and `sidewalk` are per side, 0 for none. Without `left_edge` a one-way carriageway has
    nothing on its left: the island of a roundabout begins there.
    """

    left: int
    right: int
    median: float = 0.0
    median_surface: str = "grass"
    shoulder: float = 0.8
    parking: float = 0.0
    sidewalk: float = 2.5
    left_edge: bool = True


@dataclass(frozen=True)
class Slot:
    """A strip of a cross-section with a name that stays the same while its lane id changes along the chain."""

    name: str
    kind: str
    width: float
    mark: tuple[str, str] | None = None
    surface: str = "asphalt"
    height: float = 0.0


@dataclass(frozen=True)
class Taper:
    """A strip whose width goes from `start` to `end` (m) along a lane section."""

    slot: Slot
    start: float
    end: float


def slots(profile: Profile, side: int) -> tuple[Slot, ...]:
    """Strips of `profile` on `side` (+1 left, -1 right), from the centre outwards."""
    driving = profile.left if side > 0 else profile.right
    strips: list[Slot] = []
    if side > 0 and not driving and not profile.left_edge:
        return ()
    if profile.median > 0 and profile.left and profile.right:
        height = 0.12 if profile.median_surface == "grass" else 0.0
        strips.append(Slot("median", "median", profile.median / 2, ("solid", "yellow"), profile.median_surface, height))
    for index in range(driving):
        mark = ("solid", "white") if index == driving - 1 else ("broken", "white")
        strips.append(Slot(f"driving{index}", "driving", LANE_WIDTH, mark))
    if profile.parking > 0 and driving:
        strips.append(Slot("parking", "parking", profile.parking))
    if profile.shoulder > 0:
        strips.append(Slot("shoulder", "shoulder", profile.shoulder))
    if profile.sidewalk > 0:
        strips.append(Slot("sidewalk", "sidewalk", profile.sidewalk, None, "concrete", 0.15))
    return tuple(strips)


def center_mark(profile: Profile) -> tuple[str, str]:
    """Type and colour of the line painted on the reference line."""
    if not profile.left or not profile.right:
        return "solid", "yellow"
    return ("none", "standard") if profile.median > 0 else ("solid solid", "yellow")


def constant(profile: Profile, side: int) -> tuple[Taper, ...]:
    """The strips of one side at full width."""
    return tuple(Taper(slot, slot.width, slot.width) for slot in slots(profile, side))


def transition(before: Profile, after: Profile, side: int) -> tuple[Taper, ...]:
    """Strips of one side while `before` becomes `after`: every strip of either, widening from or narrowing to zero."""
    old = {slot.name: slot for slot in slots(before, side)}
    new = {slot.name: slot for slot in slots(after, side)}
    driving = sorted({name for name in (*old, *new) if name.startswith("driving")})
    tapers = []
    for name in ("median", *driving, "parking", "shoulder", "sidewalk"):
        if name not in old and name not in new:
            continue
        slot = new.get(name) or old[name]
        # A lane that goes on beside one that appears or ends keeps the dashed line between them.
        if slot.kind == "driving" and name != driving[-1]:
            slot = Slot(slot.name, slot.kind, slot.width, ("broken", "white"))
        tapers.append(Taper(slot, old[name].width if name in old else 0.0, new[name].width if name in new else 0.0))
    return tuple(tapers)
