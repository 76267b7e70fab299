"""What happens in the world: places, actors, weather, the ego, success and failure."""

from sim.scenarios.draw import EmergencyDraw, InvalidScenario, draw_episode
from sim.scenarios.emergency import EmergencyRun, EmergencyScenario
from sim.scenarios.sites import NoSite, Site, find_sites, split_sites, town_sites

__all__ = [
    "EmergencyDraw",
    "EmergencyRun",
    "EmergencyScenario",
    "InvalidScenario",
    "NoSite",
    "Site",
    "draw_episode",
    "find_sites",
    "split_sites",
    "town_sites",
]
