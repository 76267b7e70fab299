"""Which town an episode drives in, and that no split drives in a town of another."""

from __future__ import annotations

from sim.client import SessionConfig
from sim.maps.generator import SPLITS, TownPool, is_pool, split_of, town_pool
from sim.tasks.errors import InvalidTask


def pool_of(session: SessionConfig) -> TownPool | None:
    """The towns that `session.town` stands for; None where it is a single one. Raises InvalidTask."""
    if not is_pool(session.town):
        return None
    try:
        return town_pool(session.town, session.towns_per_split)
    except ValueError as error:
        raise InvalidTask(str(error)) from None


def check_split(split: str) -> None:
    """Raises InvalidTask for a split that does not exist."""
    if split not in SPLITS:
        raise InvalidTask(f'task.split={split!r}: choose "train", "validation" or "test"')


def episode_town(session: SessionConfig, split: str, seed: int, train_towns: bool = False) -> str:
    """The town of episode `seed` of `split`. Raises InvalidTask where its town would be one of another split.

    A pool draws among its towns of that very split. A single town by seed is for training if it is of the training
    split, and for the other two if not; `train_towns` lets these in nevertheless. Built-in towns and files are shared
    by training and test, on different roads.
    """
    check_split(split)
    pool = pool_of(session)
    if pool is not None:
        try:
            return pool.town(split, seed)
        except ValueError as error:
            raise InvalidTask(str(error)) from None
    own = split_of(session.town)
    if split == "train" and own in ("validation", "test"):
        raise InvalidTask(
            f"sim.town={session.town}: {own} towns are never trained on; choose a town of the training split, "
            f"e.g. sim.town={session.town.replace(own, 'train')}"
        )
    if split == "validation" and own != "validation":
        raise InvalidTask(
            f"sim.town={session.town} has no roads for validation; choose validation towns, e.g. sim.town=Grid or "
            "sim.town=Grid-validation-0000"
        )
    if split != "train" and own == "train" and not train_towns:
        raise InvalidTask(
            f"sim.town={session.town}: a town of the training split shows no generalisation; choose e.g. "
            f"sim.town={session.town.replace(own, split)}, or set task.train_towns=true for its held-out roads"
        )
    return session.town
