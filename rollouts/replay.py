"""Episodes driven again with a recording camera, and the same seeds of several policies side by side as a video."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Protocol, cast

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from rollouts.birdseye import draw_birdseye
from rollouts.episode import Episode
from rollouts.evaluation import call_text, scene_kind
from rollouts.storage import write_atomic
from rollouts.video import write_h264
from sim.client import SessionConfig
from sim.errors import PilotageError
from sim.tasks import InvalidToolCall, RecordedFrame, TaskConfig, ToolEnv, make_tool_env

SEED_RULE = (
    "Of the test seeds that both policies ended and that have an obstacle, in ascending order: the first of each kind "
    "of scene, then the next ones. Outcomes play no part."
)
# A real CARLA server repeats an episode only nearly.
SAME_PLACE_M = 0.5
CARD_S, HOLD_S = 1.2, 1.8
STILL_BYTES = 400_000

CAMERA, VIEW = (640, 360), (250, 240)
GAP, PAD, HEADER, TITLE = 8, 14, 52, 38
PAPER, PANEL, INK, FAINT = (16, 18, 22), (28, 31, 37), (238, 240, 244), (146, 153, 164)
ACCENT, GOOD, BAD, WARN = (52, 110, 190), (34, 150, 84), (206, 54, 54), (196, 130, 20)
CALL_ROWS, CALL_HEIGHT = 5, 27


class ReplayError(PilotageError, ValueError):
    """Clips that cannot be made or shown together; the message says which."""


class _RecordingEnv(ToolEnv, Protocol):
    def recording(self) -> list[RecordedFrame]: ...

    def map_polylines(self) -> list[dict[str, Any]]: ...


@dataclass(frozen=True)
class Clip:
    """An episode as driven again.

    scene      what was drawn (`info["scenario"]`) with "ahead" and "distance_m" of the first frame
    frames     recorded moments, oldest first, at least one
    polylines  lane boundaries (see `draw_birdseye`)
    calls      the tool calls as text; `RecordedFrame.call` counts them
    rewards    sum of rewards up to and with each call
    outcome    of this drive; that of the episode unless `diverged`
    diverged   None, or how this drive differs from the episode's
    """

    episode_id: str
    seed: int
    scene: dict[str, Any]
    frames: tuple[RecordedFrame, ...]
    polylines: tuple[dict[str, Any], ...]
    calls: tuple[str, ...]
    rewards: tuple[float, ...]
    outcome: str
    success: bool
    diverged: str | None = None

    @property
    def seconds(self) -> float:
        """Simulated seconds from the first to the last frame."""
        return self.frames[-1].time_s - self.frames[0].time_s


def resimulate(task: TaskConfig, session: SessionConfig, episode: Episode) -> Clip:
    """Drive an episode's calls again on its seed, recording (see `resimulate_all`)."""
    return resimulate_all(task, session, [episode])[0]


def resimulate_all(task: TaskConfig, session: SessionConfig, episodes: Iterable[Episode]) -> list[Clip]:
    """Drive episodes again in one environment of its own, with `task.record` as given but enabled.

    The embedded server repeats an episode bit for bit; where the drive ends otherwise (another task config, a real
    CARLA server), `Clip.diverged` says how. Raises ReplayError for a task without recording, SessionError, InvalidTask.
    """
    made = make_tool_env(replace(task, record=replace(task.record, enabled=True)), session)
    try:
        if not hasattr(made, "recording"):
            raise ReplayError(f"the task {task.name!r} has no recording; replay knows EmergencyManeuver")
        env = cast(_RecordingEnv, made)
        return [_drive(env, episode) for episode in episodes]
    finally:
        made.close()


def pick_seeds(before: Sequence[Episode], after: Sequence[Episode], count: int) -> list[int]:
    """Up to `count` seeds to show, chosen without a look at outcomes.

    The rule is SEED_RULE; scenes without an obstacle follow where there are too few others.
    """
    ended = {episode.job.seed for episode in after}
    kinds = {episode.job.seed: scene_kind(episode) for episode in before if episode.job.seed in ended}
    seen: set[str] = set()
    order = []
    for seed in sorted(kinds):
        kind = kinds[seed]
        order.append((kind == "clear", kind in seen, seed))
        seen.add(kind)
    return [seed for _, _, seed in sorted(order)[:count]]


def render_replay(
    path: str | Path,
    columns: Sequence[tuple[str, Sequence[Clip]]],
    fps: float = 10,
    speed: float = 0.5,
    width: int | None = None,
) -> int:
    """Write an MP4 of clips side by side, one row of clips after another; returns the number of frames.

    `columns` are titled lists of clips, equally long, of the same seeds. Each row begins with a short card; a clip that
    ends first holds its last frame. `speed` is simulated seconds per second of video: most emergencies last less than
    two. `width` scales the picture down (pixels); it is 640 per column else. Raises ReplayError for no or unequal
    columns, VideoError, StorageError.
    """
    _check(columns)
    if not (fps > 0 and speed > 0):
        raise ReplayError(f"{path}: {fps!r} frames per second at speed {speed!r}; both must be positive")
    return write_h264(path, (_scaled(image, width) for image in _film(columns, fps, speed)), fps)


def replay_still(
    path: str | Path, columns: Sequence[tuple[str, Sequence[Clip]]], row: int = 0, at_s: float | None = None
) -> None:
    """Write one picture of the replay as PNG of less than 400 kB.

    `row` counts the seeds; `at_s` is the simulated time, the moment at which the first clip ends unless given. Colours,
    then pixels are reduced where the file would be larger. Raises ReplayError, StorageError.
    """
    _check(columns)
    if not 0 <= row < len(columns[0][1]):
        raise ReplayError(f"row {row} of a replay with {len(columns[0][1])} seeds")
    moment = min(clips[row].seconds for _, clips in columns) if at_s is None else at_s
    picture = _page(columns, row, [_column(title, clips[row], moment) for title, clips in columns])
    data = _png(picture)
    if len(data) > STILL_BYTES:
        data = _png(picture.quantize(256, dither=Image.Dither.NONE))
    while len(data) > STILL_BYTES:
        picture = picture.resize((picture.width * 7 // 8, picture.height * 7 // 8), Image.Resampling.LANCZOS)
        data = _png(picture.quantize(256, dither=Image.Dither.NONE))
    write_atomic(path, data)


# ---- driving again ---------------------------------------------------------------------------------------------------


def _drive(env: _RecordingEnv, episode: Episode) -> Clip:
    _, info = env.reset(seed=episode.job.seed, options=episode.job.options)
    truth = info.get("privileged", {})
    scene = {**info.get("scenario", {}), "ahead": truth.get("ahead"), "distance_m": truth.get("distance_m")}
    diverged = _difference("at the start", episode.info0, info)
    calls: list[str] = []
    rewards: list[float] = []
    total = 0.0
    for turn in episode.turns:
        total += turn.reward
        if turn.decision.call is None:
            continue
        try:
            info = env.call(turn.decision.call).info
        except InvalidToolCall:
            # As in the episode: the world stood still.
            continue
        calls.append(call_text(turn.decision.call))
        rewards.append(total)
        diverged = diverged or _difference(f"after call {len(calls)}", turn.info, info)
        if info["outcome"] is not None:
            break
    # Who collected the episode may have ended it for a reason of its own, such as unreadable answers.
    same = diverged is None
    outcome = episode.outcome if same else info["outcome"] or "unfinished"
    return Clip(
        episode_id=episode.id,
        seed=episode.job.seed,
        scene=scene,
        frames=tuple(env.recording()),
        polylines=tuple(env.map_polylines()),
        calls=tuple(calls),
        rewards=tuple(rewards),
        outcome=outcome,
        success=episode.success if same else bool(info["success"]),
        diverged=diverged,
    )


def _difference(when: str, then: dict[str, Any], now: dict[str, Any]) -> str | None:
    if then.get("outcome") != now.get("outcome"):
        return f"{when}: {then.get('outcome') or 'driving'} then, {now.get('outcome') or 'driving'} now"
    one, two = then.get("ego"), now.get("ego")
    if one and two:
        apart = float(np.hypot(one["x"] - two["x"], one["y"] - two["y"]))
        if apart > SAME_PLACE_M:
            return f"{when}: the car is {apart:.1f} m from where it was"
    return None


# ---- the film --------------------------------------------------------------------------------------------------------


def _check(columns: Sequence[tuple[str, Sequence[Clip]]]) -> None:
    if not columns or not columns[0][1]:
        raise ReplayError("a replay needs a column with at least one clip")
    first = [clip.seed for clip in columns[0][1]]
    for title, clips in columns:
        seeds = [clip.seed for clip in clips]
        if seeds != first:
            raise ReplayError(f"column {title!r} shows the seeds {seeds}, column {columns[0][0]!r} {first}")
        empty = next((clip for clip in clips if not clip.frames), None)
        if empty is not None:
            raise ReplayError(f"column {title!r}: the clip of seed {empty.seed} has no frames")


def _film(columns: Sequence[tuple[str, Sequence[Clip]]], fps: float, speed: float) -> Iterator[np.ndarray]:
    pace = "" if speed == 1.0 else f"{speed:g}× speed"
    for row in range(len(columns[0][1])):
        clips = [clips[row] for _, clips in columns]
        titles = [title for title, _ in columns]
        parts = [_column(title, clip, 0.0) for title, clip in zip(titles, clips, strict=True)]
        first = _page(columns, row, parts, pace)
        yield from [np.asarray(_card(first, clips[0]))] * round(CARD_S * fps)
        last = max(clip.seconds for clip in clips)
        for number in range(int(np.ceil(last * fps / speed - 1e-6)) + 1):
            moment = number * speed / fps
            parts = [_column(title, clip, moment) for title, clip in zip(titles, clips, strict=True)]
            image = np.asarray(_page(columns, row, parts, pace))
            yield image
        yield from [image] * round(HOLD_S * fps)


def _page(
    columns: Sequence[tuple[str, Sequence[Clip]]], row: int, parts: Sequence[Image.Image], pace: str = ""
) -> Image.Image:
    """Columns under the header: what the scene is, how many there are, how fast they run."""
    clips = columns[0][1]
    width = len(parts) * CAMERA[0] + (len(parts) - 1) * GAP
    page = Image.new("RGB", (width, HEADER + parts[0].height), PAPER)
    draw = ImageDraw.Draw(page)
    middle = HEADER // 2
    count = "  ·  ".join(part for part in (pace, f"{row + 1} / {len(clips)}") if part)
    draw.text((width - PAD, middle), count, FAINT, _font(18), anchor="rm")
    seed = f"Seed {clips[row].seed}"
    draw.text((PAD, middle), seed, INK, _font(22, bold=True), anchor="lm")
    left = PAD + int(_font(22, bold=True).getlength(seed)) + 18
    words = _fit(_sentence(clips[row].scene), _font(18), width - left - 190)
    draw.text((left, middle), words, FAINT, _font(18), anchor="lm")
    for number, part in enumerate(parts):
        page.paste(part, (number * (CAMERA[0] + GAP), HEADER))
    return page


def _card(page: Image.Image, clip: Clip) -> Image.Image:
    """The first picture, dimmed, under the scene in large letters."""
    card = Image.blend(page, Image.new("RGB", page.size, PAPER), 0.78)
    draw = ImageDraw.Draw(card)
    middle, centre = page.width // 2, page.height // 2
    draw.text((middle, centre - 30), f"Seed {clip.seed}", INK, _font(54, bold=True), anchor="mm")
    words = _sentence(clip.scene)
    font = next((_font(size) for size in (28, 22, 18) if _font(size).getlength(words) < page.width - 40), _font(14))
    draw.text((middle, centre + 30), _fit(words, font, page.width - 40), INK, font, anchor="mm")
    return card


def _column(title: str, clip: Clip, moment: float) -> Image.Image:
    """Title, camera, view from above and numbers at `moment` (s); the last frame with the outcome after the end."""
    start = clip.frames[0].time_s
    past = [frame for frame in clip.frames if frame.time_s - start <= moment + 1e-6]
    frame = past[-1]
    ended = frame is clip.frames[-1]
    column = Image.new("RGB", (CAMERA[0], TITLE + CAMERA[1] + VIEW[1]), PANEL)
    draw = ImageDraw.Draw(column)
    draw.text((PAD, TITLE // 2), _fit(title, _font(20, bold=True), 460), INK, _font(20, bold=True), anchor="lm")
    draw.text((CAMERA[0] - PAD, TITLE // 2), f"{frame.time_s - start:.1f} s", FAINT, _font(18), anchor="rm")
    camera = frame.frame
    if camera.shape[:2] != CAMERA[::-1]:
        camera = cv2.resize(camera, CAMERA, interpolation=cv2.INTER_AREA)
    column.paste(Image.fromarray(camera), (0, TITLE))
    column.paste(Image.fromarray(draw_birdseye(frame, clip.polylines, *VIEW)), (0, TITLE + CAMERA[1]))
    if ended:
        color = GOOD if clip.success else BAD
        draw.rectangle((0, TITLE, CAMERA[0] - 1, TITLE + CAMERA[1] - 1), outline=color, width=4)
        _badge(draw, (PAD, TITLE + PAD), clip.outcome.replace("_", " ").upper(), color)
    if clip.diverged is not None:
        _badge(draw, (PAD, TITLE + CAMERA[1] - 50), "DIVERGED FROM THE EPISODE", WARN)
    _numbers(draw, clip, frame, ended)
    return column


def _numbers(draw: ImageDraw.ImageDraw, clip: Clip, frame: RecordedFrame, ended: bool) -> None:
    """Speed and reward, and below them the calls, that in force on a bar."""
    left, top = VIEW[0] + PAD + 4, TITLE + CAMERA[1] + PAD
    done = len(clip.calls) if ended else max(0, frame.call)
    reward = clip.rewards[done - 1] if done and clip.rewards else 0.0
    figures = ((left, "speed", f"{frame.ego['speed_kmh']:.0f} km/h"), (left + 190, "reward", f"{reward:+.2f}"))
    for x, name, value in figures:
        draw.text((x, top), name, FAINT, _font(15), anchor="lt")
        draw.text((x, top + 22), value, INK, _font(26, bold=True), anchor="lt")
    top += 66
    first = max(0, frame.call - CALL_ROWS + 1)
    right = CAMERA[0] - PAD
    for number, text in enumerate(clip.calls[first : frame.call + 1], first):
        y = top + (number - first) * CALL_HEIGHT
        running = number == frame.call
        if running:
            draw.rounded_rectangle((left - 8, y, right, y + CALL_HEIGHT - 3), 5, ACCENT)
        font = _font(16, bold=running)
        draw.text(
            (left, y + CALL_HEIGHT // 2 - 1),
            _fit(text, font, right - left - 8),
            INK if running else FAINT,
            font,
            anchor="lm",
        )


def _badge(draw: ImageDraw.ImageDraw, corner: tuple[int, int], text: str, color: tuple[int, int, int]) -> None:
    font = _font(20, bold=True)
    x, y = corner
    draw.rounded_rectangle((x, y, x + int(font.getlength(text)) + 24, y + 36), 7, color)
    draw.text((x + 12, y + 18), text, (255, 255, 255), font, anchor="lm")


def _sentence(scene: dict[str, Any]) -> str:
    """The scene in words, as far as the task says."""
    parts = []
    if scene.get("ahead") is not None:
        far = f" {scene['distance_m']:.0f} m ahead" if scene.get("distance_m") is not None else ""
        parts.append("Nothing ahead" if scene["ahead"] == "clear" else f"{str(scene['ahead']).capitalize()}{far}")
    if scene.get("speed_kmh") is not None:
        parts.append(f"{scene['speed_kmh']:.0f} km/h")
    parts += [f"{side} lane {scene[side]}" for side in ("left", "right") if scene.get(side)]
    return "  ·  ".join(parts)


def _fit(text: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"


@cache
def _font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    # Matplotlib brings DejaVu Sans along, so the letters are the same on every machine.
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name), size)


def _scaled(image: np.ndarray, width: int | None) -> np.ndarray:
    if width is None or width >= image.shape[1]:
        return image
    height = round(image.shape[0] * width / image.shape[1])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
