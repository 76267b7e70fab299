"""The register of the Traffic Managers that run inside clients."""

from __future__ import annotations

from typing import Any

from sim.server.context import Context
from sim.server.registry import call
from sim.server.wire import integer, items, text


@call("is_traffic_manager_running", takes=(integer,))
def is_traffic_manager_running(context: Context, port: int) -> bool:
    return port in context.managers


@call("get_traffic_manager_running", takes=(integer,))
def get_traffic_manager_running(context: Context, port: int) -> list[Any]:
    return [context.managers.get(port, ""), port if port in context.managers else 0]


@call("add_traffic_manager_running", takes=(items,))
def add_traffic_manager_running(context: Context, endpoint: list[Any]) -> bool:
    host, port = items(endpoint, 2)
    if integer(port) in context.managers:
        return False
    context.managers[port] = text(host)
    context.client.traffic_managers.add(port)
    return True


@call("destroy_traffic_manager", takes=(integer,))
def destroy_traffic_manager(context: Context, port: int) -> bool:
    return context.managers.pop(port, None) is not None
