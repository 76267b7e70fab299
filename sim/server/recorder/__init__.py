"""Recording a world to a file, asking questions of a recording, and playing one back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.geometry import Pose
from sim.server.errors import CallError
from sim.server.recorder.folder import default_folder, locate
from sim.server.recorder.format import BadRecording, Reader
from sim.server.recorder.recording import Recording
from sim.server.recorder.replay import Replay, ReplayOptions

if TYPE_CHECKING:
    from sim.maps import Town
    from sim.server.sensors import Contact
    from sim.server.world import World


class Recorder:
    """A world's recorder and replayer; it does one of the two at a time, as CARLA's."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or default_folder()
        self.options = ReplayOptions()
        self._recording: Recording | None = None
        self._replay: Replay | None = None
        self._failures: dict[Path, str] = {}
        self._witnessed: dict[int, list[Any]] = {}

    # ---- what the world tells --------------------------------------------------------------------------------------

    def before_snapshot(self, world: World) -> None:
        """Physics has moved the world: a replay has the last word on where its actors are."""
        if self._replay is not None and not self._replay.advance(world, world.delta_s):
            self.stop_replay(world, keep_actors=True)

    def after_snapshot(self, world: World, motions: dict[int, tuple[float, ...]], contacts: Sequence[Contact]) -> None:
        """A tick is complete."""
        if self._replay is not None:
            self._replay.settle(world)
        if self._recording is not None:
            self._recording.record(world, motions, contacts)
            if self._recording.failure is not None:
                self._failures[self._recording.path] = self._recording.failure
                self._recording = None

    def end_episode(self) -> None:
        """The world is about to begin another episode: recording and replay end with this one."""
        self.stop_recording()
        if self._replay is not None:
            self._replay.close()
            self._replay = None
        self._witnessed.clear()

    # ---- what clients ask ------------------------------------------------------------------------------------------

    def start_recording(self, world: World, name: str, additional: bool) -> str:
        """Begin a recording with the next tick; returns the file's path. Raises CallError."""
        path = locate(self.folder, name)
        self.stop_replay(world, keep_actors=True)
        self.stop_recording()
        try:
            self._recording = Recording(path, world, additional, self._witnessed)
        except BlockingIOError as error:
            raise CallError(f"start_recorder: another world is recording to {path}") from error
        except OSError as error:
            raise CallError(f"start_recorder: cannot write {path}: {error.strerror}") from error
        self._failures.pop(path, None)
        return str(path)

    def stop_recording(self) -> None:
        """End a recording, if there is one."""
        if self._recording is not None:
            self._recording.close()
            self._recording = None

    def replay(
        self, world: World, load_town: Callable[[str], Town], name: str, start_s: float, duration_s: float,
        follow: int, sensors: bool, offset: Pose,
    ) -> str:  # fmt: skip
        """Begin to play a recording; returns what CARLA's replayer says about it. Raises CallError.

        The town of the recording is loaded when another one is open. `start_s` counts from the end when it is
        negative; `duration_s` 0 plays all; the spectator follows the recorded actor `follow` at `offset`, if not 0.
        """
        path = locate(self.folder, name)
        self.stop_replay(world, keep_actors=True)
        self.stop_recording()
        said = [f"Replaying File: {path}"]
        try:
            reader = Reader(path)
        except OSError:
            return "\n".join([*said, f"File {path} not found on server", ""])
        except BadRecording as error:
            return "\n".join([*said, f"File {path} is no recording of this server: {error}", ""])
        town = reader.header.map_name
        if town != world.town.name:
            try:
                world.load(load_town(town), reset_settings=False)
            except ValueError as error:
                reader.close()
                return "\n".join([*said, f"Could not load mapfile {town}: {error}", ""])
            said.append(f"Loading map {town}")
        total = reader.last_time()
        start = max(0.0, total + start_s) if start_s < 0.0 else min(start_s, total)
        stop = min(start + duration_s, total) if duration_s > 0.0 else total
        factor = self.options.time_factor
        said.append(f"Total time recorded: {total:g}")
        said.append(f"Replaying from {start:g} s - {stop:g} s ({total:g} s) at {factor:.1f}x")
        if self.options.ignore_hero:
            said.append("Ignoring Hero vehicle")
        if self.options.ignore_spectator:
            said.append("Ignoring Spectator camera")
        self._replay = Replay(reader, start, stop, follow, offset, sensors, self.options, self._witnessed)
        world.set_weather(reader.header.weather)
        self._replay.begin(world)
        return "\n".join([*said, ""])

    def stop_replay(self, world: World, keep_actors: bool) -> None:
        """End a replay, if there is one."""
        replay, self._replay = self._replay, None
        if replay is not None:
            replay.finish(world, keep_actors)

    def note(self, path: Path) -> str:
        """Why the recording at `path`, made by this server, ended early; empty when it did not."""
        failure = self._failures.get(path)
        return f"Recording ended early: {failure}\n" if failure else ""
