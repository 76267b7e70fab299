"""Several towns at once: each episode drives in the one that its split and seed choose."""

from __future__ import annotations

from dataclasses import dataclass

from sim.maps.generator.names import SEEDS, SPLITS, STYLES, parse_name, town_name

JOIN = "+"
# Consecutive episode seeds stay in one town: changing it takes a second.
STAY = 8


@dataclass(frozen=True)
class TownPool:
    """Names of towns for each split."""

    text: str
    towns: dict[str, tuple[str, ...]]

    def town(self, split: str, seed: int) -> str:
        """The town of the episode `seed`, the same in every process. Raises ValueError for a split without towns."""
        names = self.towns[split]
        if not names:
            raise ValueError(
                f"sim.town={self.text}: none of these towns is of the {split} split; "
                f"add one, such as {JOIN}Grid-{split}-0000, or a style, such as {JOIN}Grid"
            )
        return names[seed // STAY % len(names)]


def is_pool(text: str) -> bool:
    """Whether a town's option means several towns: a style such as "Grid", or names joined by "+"."""
    return text in STYLES or JOIN in text


def town_pool(text: str, per_split: int) -> TownPool:
    """The pool that `text` means: styles (the first `per_split` seeds of each split) and towns by seed, joined by "+".

    Raises ValueError, whose message names the option and the fix.
    """
    if not 1 <= per_split <= SEEDS:
        raise ValueError(f"sim.towns_per_split={per_split}: choose 1 to {SEEDS}")
    parts = text.split(JOIN)
    styles = [part for part in parts if part in STYLES]
    found: dict[str, dict[str, None]] = {split: {} for split in SPLITS}
    for part in parts:
        name = parse_name(part)
        if name is not None:
            found[name.split][part] = None
        elif part not in STYLES:
            raise ValueError(
                f"sim.town={text}: {part!r} belongs to no split; several towns are styles ({', '.join(STYLES)}) and "
                f"towns by seed, such as Grid-train-0007, joined by {JOIN!r}"
            )
    # Styles take turns, so that a few episodes see them all.
    for split, names in found.items():
        names.update(dict.fromkeys(town_name(style, split, seed) for seed in range(per_split) for style in styles))
    return TownPool(text, {split: tuple(names) for split, names in found.items()})
