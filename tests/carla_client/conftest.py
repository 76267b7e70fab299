"""What the tests of this folder share: one wire tap before the shared server."""

from __future__ import annotations

import pytest
from wire_tap import WireTap


@pytest.fixture(scope="session")
def tap(server) -> WireTap:
    """Runs until the test process ends: a client whose server is gone aborts the process when it is deleted."""
    return WireTap(server.port)
