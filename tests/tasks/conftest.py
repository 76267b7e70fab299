"""One task environment with its own embedded server, shared by the tests of a worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sim.client import SessionConfig
from sim.tasks import EmergencyManeuver, TaskConfig


@pytest.fixture(scope="session")
def env() -> Iterator[EmergencyManeuver]:
    made = EmergencyManeuver(TaskConfig(), SessionConfig())
    yield made
    made.close()
