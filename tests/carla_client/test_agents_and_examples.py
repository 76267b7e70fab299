"""CARLA's own smoke tests, agents and examples, unmodified, against this server.

They are not part of this project: CARLA_PYTHONAPI names a folder `PythonAPI` of a CARLA 0.9.16 package or source tree.
Their requirements (pygame, networkx, shapely, and what else an example imports) must be importable.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import carla
import proving_ground
import pytest

PYTHONAPI = Path(os.environ.get("CARLA_PYTHONAPI", "nowhere"))
ATTEMPTS = 3
SCRIPT = Path(__file__).with_name("carla_script.py")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not (PYTHONAPI / "carla" / "agents").is_dir(), reason="CARLA_PYTHONAPI names no PythonAPI"),
]


@dataclass(frozen=True)
class Example:
    """A script in PythonAPI/examples.

    arguments  after its name; {port} and {tm} are filled in
    seconds    until its window is closed, or Ctrl-C pressed
    says       text that its output must hold
    needs      modules that it imports and that may be missing
    before     an example that must have run before it
    lacks      what this server does not have, and the script fails for
    """

    name: str
    arguments: str = ""
    seconds: float = 10.0
    says: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    before: str = ""
    lacks: str = ""

    def __str__(self) -> str:
        return self.name if not self.arguments else f"{self.name} {self.arguments}"


GAME = ("pygame",)
AGENT = ("pygame", "networkx", "shapely")
EXAMPLES = (
    Example("synchronous_mode", needs=GAME, says=("done.",)),
    Example("tutorial", says=("created", "moved vehicle", "done.")),
    Example("generate_traffic", "-n 20 -w 10 --seed 3 --tm-port {tm}", 30.0, ("spawned 20 vehicles and 10 walkers",)),
    Example("generate_traffic", "-n 8 -w 3 --asynch --tm-port {tm}", 15.0, ("spawned 8 vehicles and 3 walkers",)),
    Example("automatic_control", "--sync --agent Basic", 15.0, needs=AGENT),
    Example("automatic_control", "--sync --agent Behavior", 15.0, needs=AGENT),
    Example("automatic_control", "--sync --agent Constant", 15.0, needs=AGENT),
    Example("automatic_control", "--agent Behavior", 10.0, needs=AGENT),
    Example("manual_control", "--sync", 10.0, needs=GAME),
    Example("manual_control", "--autopilot", 10.0, needs=GAME),
    Example("no_rendering_mode", "--map Pilotage02", 15.0, needs=GAME),
    Example("sensor_synchronization", says=("Sensor: camera03", "Sensor: radar02", "Sensor: lidar02")),
    Example("lidar_to_camera", "-f 5", 60.0, ("(4/5)",), needs=("PIL", "matplotlib")),
    Example("vehicle_physics", "", 60.0, ("# Adding a Force",)),
    Example("dynamic_weather", "", 5.0),
    Example("vehicle_gallery", "", 5.0),
    Example("draw_skeleton", "", 10.0, needs=GAME),
    Example("client_bounding_boxes", "", 6.0, needs=GAME),
    Example("bounding_boxes", "", 6.0, needs=GAME),
    Example("visualize_multiple_sensors", "--sync", 10.0, needs=GAME),
    Example("start_recording", "-f carla_examples.log -n 5 -t 5", 10.0, ("Recording on file",)),
    Example("start_replaying", "-f carla_examples.log", 5.0, ("Replaying File",), before="start_recording"),
    Example("show_recorder_file_info", "-f carla_examples.log", 5.0, ("Frames:",), before="start_recording"),
    Example("show_recorder_collisions", "-f carla_examples.log", 5.0, ("Frames:",), before="start_recording"),
    Example("show_recorder_actors_blocked", "-f carla_examples.log", 5.0, ("Frames:",), before="start_recording"),
    Example("get_component_test", "", 5.0, ("Transform(",), lacks="vehicles have no component per lamp"),
    Example("V2XDemo", "--sync", 10.0, needs=GAME),
)
SMOKE = (
    "test_client", "test_sync", "test_sensor_determinism", "test_props_loading", "test_sensor_tick_time", "test_map",
    "test_snapshot", "test_lidar", "test_streamming", "test_spawnpoints", "test_blueprint", "test_collision_sensor",
    "test_world", "test_determinism",
)  # fmt: skip


# They put cars at fixed places of CARLA's towns.
SMOKE_ON_PROVING_GROUND = ("test_collision_determinism", "test_vehicle_physics")


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> Path:
    return Path(tmp_path_factory.mktemp("examples") / "server.log")


@pytest.fixture(scope="module")
def port(start_module_server, log: Path) -> Iterator[int]:
    with log.open("w") as file:
        yield start_module_server("--recordings", str(log.parent), log=file).port


@pytest.fixture(scope="module")
def proving_port(start_module_server, log: Path, tmp_path_factory) -> Iterator[int]:
    """A server whose Town03 and Town05 have roads where the smoke tests need them."""
    folder = tmp_path_factory.mktemp("maps")
    proving_ground.write(folder)
    with log.with_suffix(".proving").open("w") as file:
        yield start_module_server("--maps", str(folder), log=file).port


def _run(port: int, seconds: float, kind: str, what: str, *arguments: str, folder: Path, deadline_s: float) -> str:
    """The output of a script; fails the test when it fails or is not done in time.

    The wheel is not free of races of its own (draw_skeleton directs a walker while the wheel's other thread moves it):
    a script that dies of a segmentation fault is run again.
    """
    command = [sys.executable, str(SCRIPT), str(port), str(seconds), kind, what, *arguments]
    for _ in range(ATTEMPTS):
        with tempfile.TemporaryFile("w+") as output:
            # Not a pipe: processes that a script leaves behind would keep it open.
            child = subprocess.Popen(
                command, cwd=folder, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
            try:
                code: int | None = child.wait(deadline_s)
            except subprocess.TimeoutExpired:
                code = None
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            output.seek(0)
            text = output.read()
        if code != -signal.SIGSEGV:
            break
    if "did not match C++ signature" in text:
        pytest.skip("this script is written for another version of the client library")
    assert code is not None, f"{what} was not done after {deadline_s} s:\n{text}"
    assert code == 0, text
    return text


def _fresh(port: int) -> None:
    """Scripts that fail leave actors and synchronous mode behind: the next one must not suffer from it."""
    client = carla.Client("127.0.0.1", port)
    client.set_timeout(20.0)
    client.load_world("Pilotage01")


@pytest.mark.parametrize("module", SMOKE)
def test_smoke_test_of_carla_passes(module: str, port: int, log: Path):
    _smoke(module, port, log)


@pytest.mark.parametrize("module", SMOKE_ON_PROVING_GROUND)
def test_smoke_test_of_carla_passes_on_the_proving_ground(module: str, proving_port: int, log: Path):
    _smoke(module, proving_port, log.with_suffix(".proving"))


def _smoke(module: str, port: int, log: Path) -> None:
    folder = PYTHONAPI / "test"
    if not (folder / "smoke" / f"{module}.py").is_file():
        pytest.skip(f"this PythonAPI has no smoke/{module}.py")
    _fresh(port)
    output = _run(port, 0.0, "smoke", module, folder=folder, deadline_s=800.0)
    assert "\nOK" in output
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_example_of_carla_runs(example: Example, port: int, log: Path, tmp_path_factory):
    file = PYTHONAPI / "examples" / f"{example.name}.py"
    missing = [name for name in example.needs if importlib.util.find_spec(name) is None]
    if missing or not file.is_file():
        pytest.skip(f"missing: {', '.join(missing) or file}")
    folder = tmp_path_factory.getbasetemp()
    for earlier in EXAMPLES:
        if earlier.name == example.before and not log.with_name(earlier.name).exists():
            test_example_of_carla_runs(earlier, port, log, tmp_path_factory)
    _fresh(port)
    arguments = example.arguments.format(port=port, tm=_traffic_manager_port()).split()
    deadline_s = example.seconds + 60.0
    try:
        output = _run(port, example.seconds, "example", str(file), *arguments, folder=folder, deadline_s=deadline_s)
    except AssertionError:
        if example.lacks:
            pytest.xfail(example.lacks)
        raise
    for text in example.says:
        assert text in output, output
    assert "Traceback" not in output, output
    assert "missed" not in output, output
    assert "Traceback" not in log.read_text()
    log.with_name(example.name).touch()


_used_ports = iter(range(21000, 21100))


def _traffic_manager_port() -> int:
    return next(_used_ports)
