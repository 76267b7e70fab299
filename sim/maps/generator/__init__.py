"""Towns drawn from a style, a split and a seed; `pilotage towns` lists and writes them."""

from sim.maps.generator.names import (
    NAMED,
    SPLITS,
    STYLES,
    GeneratedName,
    generated_text,
    parse_name,
    road_digest,
    split_of,
    town_name,
)
from sim.maps.generator.pools import TownPool, is_pool, town_pool

__all__ = [
    "NAMED",
    "SPLITS",
    "STYLES",
    "GeneratedName",
    "TownPool",
    "generated_text",
    "is_pool",
    "parse_name",
    "road_digest",
    "split_of",
    "town_name",
    "town_pool",
]
