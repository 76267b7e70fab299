"""The pedestrians of CARLA 0.9.16.

Ids, ages, genders, generations, wheelchairs and speeds: what CARLA 0.9.16's walker factory holds, as users of its
editor report it. Bounding boxes: those that CARLA's servers report, except for 0001 to 0008, whose heights differ from
person to person.
"""

from __future__ import annotations

from typing import NamedTuple

from sim.labels import Label
from sim.server.blueprints.definition import (
    BOOL,
    FLOAT,
    INT,
    STRING,
    Blueprint,
    Size,
    base_attributes,
    choice,
    fixed,
    tags_of,
)

COUNT = 52
_FEMALE = frozenset(
    (1, 5, 6, 7, 8, 9, 10, 11, 15, 19, 20, 21, 22, 23, 31, 32, 35, 36, 37, 40, 41, 42, 43, 44, 48, 49, 50)
)
_SMALL_CHILDREN, _CHILDREN, _TEENAGERS = frozenset((9, 10, 11, 48, 49)), frozenset((12, 13, 14)), frozenset((50, 51))
_NO_WHEELCHAIR = frozenset((30, 32, 42, 43, 44, 52)) | _SMALL_CHILDREN | _CHILDREN | _TEENAGERS


class _Person(NamedTuple):
    age: str
    extent: Size
    walk: str
    run: str


def _person(index: int) -> _Person:
    if index in _SMALL_CHILDREN:
        return _Person("child", (0.25, 0.25, 0.55), "1.1", "2.0")
    if index in _CHILDREN:
        return _Person("child", (0.188, 0.188, 0.65), "1.1", "2.0")
    if index in _TEENAGERS:
        return _Person("teenager", (0.188, 0.188, 0.93), "1.1", "2.0")
    if index <= 8:
        return _Person("adult", (0.19, 0.22, 0.93 - 0.02 * (index % 4)), "1.8" if index in _FEMALE else "1.7", "4.0")
    return _Person("adult", (0.188, 0.188, 0.93), "1.7", "4.0")


def _generation(index: int) -> int:
    return 1 if index <= 14 else 2 if index <= 49 else 3


def walkers(first_uid: int) -> list[Blueprint]:
    """The pedestrians' blueprints, numbered from `first_uid`."""
    found: list[Blueprint] = []
    for index in range(1, COUNT + 1):
        identifier = f"walker.pedestrian.{index:04d}"
        person = _person(index)
        seated = index not in _NO_WHEELCHAIR
        attributes = (
            *base_attributes(identifier, ("pedestrian",)),
            choice("speed", FLOAT, "0.0", person.walk, person.run),
            choice("is_invincible", BOOL, "true"),
            choice("use_wheelchair", BOOL, *(("false", "true") if seated else ("false",)), restricted=True),
            fixed("gender", STRING, "female" if index in _FEMALE else "male"),
            fixed("generation", INT, str(_generation(index))),
            fixed("age", STRING, person.age),
            fixed("can_use_wheelchair", BOOL, "true" if seated else "false"),
        )
        found.append(
            Blueprint(
                first_uid + len(found),
                identifier,
                tags_of(identifier),
                attributes,
                "walker",
                person.extent,
                semantic_tags=(Label.PEDESTRIANS,),
            )
        )
    return found
