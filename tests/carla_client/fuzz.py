"""`make fuzz`: broken, extreme and hostile traffic against a server of its own; reports crashes, hangs, errors, leaks.

python tests/carla_client/fuzz.py --seconds 600 [--seed N]
python tests/carla_client/fuzz.py --seed N --epoch E --epochs 1      # once more the epoch in which something was found

An epoch is a fresh world and a few hundred cases, all drawn from the seed and the epoch's number: calls with extreme or
wrong arguments, recorded traffic of the real client with bytes changed, garbage for both ports, streams that are
opened, read, and dropped. A bystander asks for the version and ticks the world all the while.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgpack
import psutil
from fuzz_values import Values

from sim.server.client_calls import CLIENT_CALLS
from sim.server.registry import CALLS

CASES = 250
PATIENCE_S = 30.0
WARM_UP_EPOCHS = 2
SYNCHRONOUS = [True, False, [True, 0.05], True, 0.01, 10, 0.0, True, 3000.0, 2000.0, True]
# Slow by nature, or they end the epoch's world: drawn less often.
OFTEN = (
    "spawn_actor",
    "apply_",
    "set_actor",
    "add_actor",
    "enable_actor",
    "set_traffic",
    "replay",
    "start_",
    "update_",
)
RARE = frozenset({"load_new_episode", "copy_opendrive_to_file", "get_actor_definitions", "get_map_data", "replay_file"})


_OFTEN = [call for call in CLIENT_CALLS if call.name.startswith(OFTEN)]
_CAST = ("vehicle.tesla.model3", "vehicle.bh.crossbike", "walker.pedestrian.0001", "static.prop.trafficcone01")
_CAST += ("sensor.camera.rgb", "sensor.camera.instance_segmentation", "sensor.other.imu", "sensor.other.collision")


class Hang(Exception):
    """The server did not answer in time."""


class Gone(Exception):
    """The connection was closed."""


class Line:
    """A raw RPC connection."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        self._socket.settimeout(PATIENCE_S)
        self._unpacker = msgpack.Unpacker(raw=False, strict_map_key=False, unicode_errors="replace")
        self._number = 0

    def ask(self, name: str, arguments: list[Any]) -> tuple[Any, Any]:
        """(error, result) of a call. Raises Hang, Gone."""
        self._number = (self._number + 1) % 2**32
        self.send(msgpack.packb([0, self._number, name, [[False], *arguments]]))
        while True:
            for answer in self._unpacker:
                if answer[1] == self._number:
                    return answer[2], answer[3]
            self._unpacker.feed(self._receive(name))

    def send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except TimeoutError as error:
            raise Hang("the server does not read") from error
        except OSError as error:
            raise Gone(str(error)) from error

    def _receive(self, name: str) -> bytes:
        try:
            data = self._socket.recv(1 << 20)
        except TimeoutError as error:
            raise Hang(f"{name}: no answer in {PATIENCE_S:.0f} s") from error
        except OSError as error:
            raise Gone(str(error)) from error
        if not data:
            raise Gone("closed by the server")
        return data

    def close(self) -> None:
        self._socket.close()


@dataclass
class Findings:
    """What went wrong, each with the epoch and the last call before it; counts of what was done."""

    problems: list[str] = field(default_factory=list)
    epochs: int = 0
    cases: int = 0
    rss_mb: list[float] = field(default_factory=list)


class Fuzzer:
    """A server process and what is thrown at it."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.findings = Findings()
        self._folder = tempfile.TemporaryDirectory(prefix="pilotage-fuzz-")
        self._corpus: list[bytes] = []
        self._start()

    def _start(self) -> None:
        self._log = (Path(self._folder.name) / "server.log").open("ab+")
        self._read_log_to = self._log.tell()
        self._server = subprocess.Popen(
            [sys.executable, "-m", "sim.server", "--port", "0", "--exit-with-parent"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, cwd=self._folder.name,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "HOME": self._folder.name},
        )  # fmt: skip
        assert self._server.stdout is not None
        self._port = int(json.loads(self._server.stdout.readline())["port"])
        self._process = psutil.Process(self._server.pid)

    def close(self) -> None:
        assert self._server.stdin is not None
        self._server.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._server.wait(5)
        self._server.kill()
        self._server.wait()
        self._log.close()
        self._folder.cleanup()

    def record_real_traffic(self) -> None:
        """Requests of the real client, as it sends them."""
        import carla
        from wire_tap import WireTap

        tap = WireTap(self._port)
        client = carla.Client("127.0.0.1", tap.port)
        client.set_timeout(10.0)
        world = client.get_world()
        settings = world.get_settings()
        settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
        world.apply_settings(settings)
        library, points = world.get_blueprint_library(), world.get_map().get_spawn_points()
        spawn = carla.command.SpawnActor
        client.apply_batch_sync([spawn(bp, p) for bp, p in zip(library.filter("vehicle.*"), points)], True)
        world.set_weather(carla.WeatherParameters.HardRainSunset)
        for actor in world.get_actors():
            actor.set_transform(actor.get_transform())
            if actor.type_id.startswith("vehicle."):
                actor.apply_control(carla.VehicleControl(throttle=0.5))
                actor.apply_physics_control(actor.get_physics_control())
        world.tick()
        exchanges = tap.settled()
        tap.close()
        self._corpus = [
            msgpack.packb([0, number, entry.name, [[entry.asynchronous], *entry.arguments]])
            for number, entry in enumerate(exchanges)
            if entry.name != "get_actor_definitions"
        ][:400]

    def epoch(self, number: int, cases: int = CASES) -> None:
        """A fresh world and its cases."""
        rng = random.Random(f"{self.seed}/{number}")
        self._last = "the start of the epoch"
        self._where = number
        self._actors: list[int] = []
        self._streams: list[socket.socket] = []
        try:
            self._line, self._bystander = Line(self._port), Line(self._port)
            self._bystander.ask("load_new_episode", ["Pilotage01", True, 65535])
            self._cast(rng)
            for case in range(cases):
                self._case(random.Random(rng.random()))
                if case % 8 == 7:
                    self._look_after_the_bystander()
                self.findings.cases += 1
        except Hang as error:
            self._report(f"hang: {error}")
            self._restart()
        except Gone as error:
            if self._server.poll() is None:
                time.sleep(0.5)
            if self._server.poll() is not None:
                self._report(f"crash: the server ended with {self._server.returncode}")
                self._restart()
            else:
                self._report(f"the bystander lost its connection: {error}")
        finally:
            for stream in self._streams:
                stream.close()
            for line in (self._line, self._bystander):
                line.close()
            self._read_log()
            self.findings.epochs += 1
        if self._server.poll() is None:
            self.findings.rss_mb.append(self._process.memory_info().rss / 1e6)

    def _cast(self, rng: random.Random) -> None:
        """Actors that the calls can be about, on one street."""
        _, info = self._bystander.ask("get_map_info", [])
        points = info[0][1][1]
        for index, name in enumerate(_CAST):
            (x, y, z), turned = points[index % 4]
            description = Values(rng, []).description(name, changes=0.0)
            self._call("spawn_actor", [description, [[x, y, z + 3.0 * (index // 4)], turned]], rng)

    def _case(self, rng: random.Random) -> None:
        values = Values(rng, self._actors)
        kind = rng.random()
        if kind < 0.78:
            call = rng.choice(rng.choice((CLIENT_CALLS, _OFTEN)))
            if call.name in RARE and rng.random() < 0.9:
                return
            arguments = values.arguments(call.arguments)
            if kind > 0.4:
                arguments = [values.spoiled(argument) for argument in arguments]
                if rng.random() < 0.1:
                    arguments = arguments[: rng.randrange(len(arguments) + 1)]
            self._call(call.name, arguments, rng)
        elif kind < 0.84:
            name = rng.choice([*CALLS, "no_such_call", "", "__init__"])
            self._call(name, [values.junk() for _ in range(rng.randrange(5))], rng)
        elif kind < 0.95 and self._corpus:
            self._throw(self._port, _changed(rng.choice(self._corpus), rng), rng)
        else:
            ids = rng.choice((b"", b"\x01", struct.pack("<I", rng.choice((0, 1, 2, 5, 2**32 - 1))), rng.randbytes(40)))
            self._throw(self._port + rng.randrange(2), ids, rng)

    def _call(self, name: str, arguments: list[Any], rng: random.Random) -> None:
        self._last = f"{name}{arguments!r:.600}"
        try:
            error, result = self._line.ask(name, arguments)
        except Gone:
            # The reader refuses what is no request at all; the server itself is asked by the bystander.
            self._line.close()
            self._line = Line(self._port)
            return
        if isinstance(error, str) and "internal error" in error:
            self._report(f"internal error in {self._last}")
        if name.startswith("spawn_actor") and error is None and result[0][0] == 1:
            actor = result[0][1]
            self._actors = [*self._actors[-40:], actor[0]]
            if actor[5] and rng.random() < 0.5:
                self._listen(struct.unpack_from("<I", actor[5])[0])

    def _listen(self, stream_id: int) -> None:
        stream = socket.create_connection(("127.0.0.1", self._port + 1), PATIENCE_S)
        stream.sendall(struct.pack("<I", stream_id))
        stream.setblocking(False)
        self._streams.append(stream)
        if len(self._streams) > 4:
            self._streams.pop(0).close()

    def _throw(self, port: int, data: bytes, rng: random.Random) -> None:
        self._last = f"{len(data)} bytes to port {port - self._port}: {data[:60]!r}"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), PATIENCE_S) as connection:
            connection.settimeout(0.02)
            connection.sendall(data)
            if rng.random() < 0.5:
                connection.recv(1000)

    def _look_after_the_bystander(self) -> None:
        for stream in self._streams:
            with contextlib.suppress(OSError):
                stream.recv(1 << 20)
        error, result = self._bystander.ask("version", [])
        if error is not None or result != [[1, "0.9.16"]]:
            self._report(f"version answered {error} {result}")
        self._bystander.ask("set_episode_settings", [SYNCHRONOUS])
        _, first = self._bystander.ask("tick_cue", [])
        error, second = self._bystander.ask("tick_cue", [])
        if error is not None or first is None or second[0][1] != first[0][1] + 1:
            self._report(f"a tick failed: {error} {first} {second}")
            self._bystander.ask("load_new_episode", ["Pilotage01", True, 65535])

    def _report(self, text: str) -> None:
        problem = f"epoch {self._where}, after {self._last}: {text}"
        self.findings.problems.append(problem)
        print(problem, flush=True)

    def _read_log(self) -> None:
        self._log.seek(self._read_log_to)
        text = self._log.read().decode("utf-8", "replace")
        self._read_log_to = self._log.tell()
        for trace in re.findall(r"^[^\n]*\nTraceback.*?^(?=\S+(?:Error|Exception|Exit)\b)[^\n]*", text, re.S | re.M):
            self._report("traceback in the server's log:\n" + trace[-3000:])

    def _restart(self) -> None:
        self._server.kill()
        self._server.wait()
        self._log.close()
        self._start()


def _changed(message: bytes, rng: random.Random) -> bytes:
    """A message with some bytes changed, cut out, doubled or cut off."""
    data = bytearray(message)
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(data) + 1)
        how = rng.randrange(5)
        if how == 0 and data:
            data[at % len(data)] ^= 1 << rng.randrange(8)
        elif how == 1:
            data[at:at] = rng.randbytes(rng.randrange(1, 9))
        elif how == 2:
            del data[at : at + rng.randrange(1, 30)]
        elif how == 3:
            data[at:at] = data[max(0, at - 20) : at]
        else:
            del data[at:]
    return bytes(data)


def run(seed: int, seconds: float = 1e9, first: int = 0, epochs: int = 10**9, cases: int = CASES) -> Findings:
    """Fuzz for so long or so many epochs; the server's memory after each epoch must not keep growing."""
    fuzzer = Fuzzer(seed)
    try:
        fuzzer.record_real_traffic()
        began = time.monotonic()
        number = first
        while number < first + epochs and time.monotonic() - began < seconds:
            fuzzer.epoch(number, cases)
            number += 1
        memory = fuzzer.findings.rss_mb
        settled = memory[len(memory) // 2 :]
        if len(memory) > 8 and min(settled[-3:]) > 1.3 * max(memory[WARM_UP_EPOCHS], settled[0]) + 50.0:
            fuzzer.findings.problems.append(f"memory grows: {[round(value) for value in memory]} MB after each epoch")
    finally:
        fuzzer.close()
    return fuzzer.findings


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=None, help="default: of the time")
    parser.add_argument("--epoch", type=int, default=0, help="first epoch")
    parser.add_argument("--epochs", type=int, default=10**9)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else int(time.time())
    print(f"seed {seed}", flush=True)
    findings = run(seed, options.seconds, options.epoch, options.epochs)
    memory = findings.rss_mb
    print(
        f"{findings.cases} cases in {findings.epochs} epochs: {len(findings.problems)} problems; "
        f"memory {memory[0]:.0f} MB after the first epoch, {memory[-1]:.0f} MB after the last"
        if memory
        else "no epoch was finished"
    )
    if findings.problems:
        print(f"again: python tests/carla_client/fuzz.py --seed {seed} --epoch E --epochs 1   (E as reported above)")
    return 1 if findings.problems else 0


if __name__ == "__main__":
    sys.exit(main())
