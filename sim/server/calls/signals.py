"""Calls to traffic lights."""

from __future__ import annotations

from sim.server.context import Context
from sim.server.registry import call


@call("reset_all_traffic_lights", void=True)
def reset_all_traffic_lights(context: Context) -> None:
    """No town has traffic lights yet."""


@call("freeze_all_traffic_lights", takes=(bool,), void=True)
def freeze_all_traffic_lights(context: Context, frozen: bool) -> None:
    """No town has traffic lights yet."""
