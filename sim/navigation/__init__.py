"""Where pedestrians may walk: navigation meshes of towns in the format of Detour, which CARLA's client reads."""

from sim.navigation.mesh import navigation_mesh

__all__ = ["navigation_mesh"]
