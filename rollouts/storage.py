"""Files that are either whole or absent, and episodes on disk: JSON and PNG frames in one zip, without pickle."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import secrets
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import cv2
import numpy as np

from policy.interface import Decision
from rollouts.episode import Episode, EpisodeTurn, Job
from sim.errors import PilotageError
from sim.tasks.protocol import ToolCall

SUFFIX = ".episode.zip"
FORMAT = 1
# Zip members carry a date; a fixed one makes equal episodes equal bytes.
_DATE = (1980, 1, 1, 0, 0, 0)
_FIXES = {
    errno.ENOSPC: "free some disk space or choose another folder",
    errno.EDQUOT: "free some of your quota or choose another folder",
    errno.EACCES: "make the folder writable or choose another one",
    errno.EPERM: "make the folder writable or choose another one",
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ENOENT: "check that the path exists",
    errno.ENOTDIR: "a part of the path is a file; choose another folder",
    errno.EISDIR: "the path is a folder; choose another name",
}


class StorageError(PilotageError, OSError):
    """A file could not be written or read; the message names the path and the fix."""


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A temporary path beside `path`, with the same suffix; moved onto `path` when the block ends without an error.

    Parent folders are made. Readers see the old file or the whole new one, never a part. Raises StorageError where the
    file system refuses; an error in the block leaves `path` as it was.
    """
    target = Path(path)
    temporary = target.with_name(f".{secrets.token_hex(6)}.tmp{target.suffix}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _sync(temporary)
        os.replace(temporary, target)
        _sync(target.parent)
    except StorageError:
        raise
    except OSError as error:
        raise _refused("write", target, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_atomic(path: str | Path, data: bytes | str) -> None:
    """Write a whole file (text as UTF-8) or nothing. Raises StorageError."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data.encode() if isinstance(data, str) else data)


def read_whole(path: str | Path) -> bytes:
    """All bytes of a file. Raises StorageError."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise _refused("read", Path(path), error) from error


def save_episode(episode: Episode, folder: str | Path) -> Path:
    """Write `<id>.episode.zip` into `folder` and return its path; the same episode gives the same bytes.

    `info`, options and provenance must be plain JSON data, frames RGB uint8 (height, width, 3). Raises StorageError.
    """
    # An id may hold "/" or ":", a file name may not.
    path = Path(folder) / f"{quote(episode.id, safe=' =,+@')}{SUFFIX}"
    frames = [turn.frame for turn in episode.turns] + [episode.final_frame]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        _add(archive, "episode.json", _document(episode, path).encode(), zipfile.ZIP_DEFLATED)
        for number, frame in enumerate(frames):
            # PNG is compressed already.
            _add(archive, _frame_name(number), _png(frame, path), zipfile.ZIP_STORED)
    write_atomic(path, buffer.getvalue())
    return path


def load_episode(path: str | Path) -> Episode:
    """Read an episode back exactly as it was saved. Raises StorageError for a missing, foreign or damaged file."""
    try:
        with zipfile.ZipFile(path) as archive:
            document = json.loads(archive.read("episode.json"))
            if document["format"] != FORMAT:
                raise StorageError(f"{path}: episode format {document['format']!r}, this version reads {FORMAT}")
            frames = [_pixels(archive.read(_frame_name(number))) for number in range(len(document["turns"]) + 1)]
        return _episode(document, frames)
    except StorageError:
        raise
    except OSError as error:
        raise _refused("read", Path(path), error) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, TypeError, ValueError, NotImplementedError) as error:
        raise StorageError(
            f"{path} is no whole episode ({type(error).__name__}: {error}); delete it and collect it again"
        ) from error


def list_episodes(folder: str | Path) -> list[Path]:
    """Paths of the episodes in `folder`, sorted by name. Raises StorageError where there is no such folder."""
    try:
        return sorted(entry for entry in Path(folder).iterdir() if entry.name.endswith(SUFFIX))
    except OSError as error:
        raise _refused("read", Path(folder), error) from error


# ---- to JSON and back ------------------------------------------------------------------------------------------------


def _document(episode: Episode, path: Path) -> str:
    turns = []
    for turn in episode.turns:
        decision = turn.decision
        call, logprobs = decision.call, decision.logprobs
        turns.append(
            {
                "text": turn.text,
                "reward": turn.reward,
                "info": turn.info,
                "decision": {
                    "episode_id": decision.episode_id,
                    "index": decision.index,
                    "call": None if call is None else {"name": call.name, "arguments": dict(call.arguments)},
                    "error": decision.error,
                    "text": decision.text,
                    "context_ids": [int(token) for token in decision.context_ids],
                    "token_ids": [int(token) for token in decision.token_ids],
                    # Python floats print every bit of a float32, so these come back unchanged.
                    "logprobs": None if logprobs is None else [float(value) for value in logprobs],
                    "seconds": decision.seconds,
                    "policy_version": decision.policy_version,
                },
            }
        )
    document = {
        "format": FORMAT,
        "id": episode.id,
        "job": {"seed": episode.job.seed, "rollout": episode.job.rollout, "options": episode.job.options},
        "turns": turns,
        "info0": episode.info0,
        "outcome": episode.outcome,
        "success": episode.success,
        "episode_return": episode.episode_return,
        "seconds": episode.seconds,
        "attempts": episode.attempts,
        "provenance": episode.provenance,
    }
    try:
        return json.dumps(document)
    except (TypeError, ValueError) as error:
        raise StorageError(f"{path}: the episode holds data that JSON cannot ({error}); make it plain") from error


def _episode(document: dict[str, Any], frames: list[np.ndarray]) -> Episode:
    turns = []
    for data, frame in zip(document["turns"], frames[:-1], strict=True):
        made = data["decision"]
        call = made["call"]
        decision = Decision(
            episode_id=made["episode_id"],
            index=made["index"],
            call=None if call is None else ToolCall(call["name"], call["arguments"]),
            error=made["error"],
            text=made["text"],
            context_ids=tuple(made["context_ids"]),
            token_ids=tuple(made["token_ids"]),
            logprobs=None if made["logprobs"] is None else np.array(made["logprobs"], np.float32),
            seconds=made["seconds"],
            policy_version=made["policy_version"],
        )
        turns.append(EpisodeTurn(data["text"], frame, decision, data["reward"], data["info"]))
    return Episode(
        id=document["id"],
        job=Job(**document["job"]),
        turns=tuple(turns),
        info0=document["info0"],
        outcome=document["outcome"],
        success=document["success"],
        episode_return=document["episode_return"],
        final_frame=frames[-1],
        seconds=document["seconds"],
        attempts=document["attempts"],
        provenance=document["provenance"],
    )


# ---- bytes -----------------------------------------------------------------------------------------------------------


def _add(archive: zipfile.ZipFile, name: str, data: bytes, method: int) -> None:
    member = zipfile.ZipInfo(name, _DATE)
    member.compress_type = method
    archive.writestr(member, data)


def _frame_name(number: int) -> str:
    return f"frame-{number:03d}.png"


def _png(frame: np.ndarray, path: Path) -> bytes:
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        raise StorageError(f"{path}: a frame is {frame.dtype} {frame.shape}; give RGB uint8 (height, width, 3)")
    done, data = cv2.imencode(".png", frame[:, :, ::-1])
    if not done:
        raise StorageError(f"{path}: a frame of shape {frame.shape} cannot be written as PNG")
    return bytes(data)


def _pixels(data: bytes) -> np.ndarray:
    frame = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if frame is None:
        raise ValueError("a frame is no PNG")
    return np.ascontiguousarray(frame[:, :, ::-1])


def _sync(path: Path) -> None:
    """Have the file's bytes, or the folder's entries, on the disk before going on."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _refused(verb: str, path: Path, error: OSError) -> StorageError:
    fix = _FIXES.get(error.errno or 0, "check the disk and the path")
    return StorageError(f"cannot {verb} {path}: {error.strerror or error}; {fix}")
