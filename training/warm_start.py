"""The warm start: imitation of perception and protocol only, so that RL begins with a policy that sees."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from policy.checkpoint import LoadedModel, checkpoint_policy, load_model, mark_trainable, save_checkpoint
from policy.config import PolicyConfig
from policy.gemma import GemmaPolicy
from policy.interface import Turn
from policy.perception import describe
from rollouts.pool import RolloutPool
from rollouts.storage import write_atomic
from sim.tasks.emergency import SYSTEM_PROMPT
from sim.tasks.tools import TOOLS
from sim.tasks.towns import pool_of
from training.config import WarmStartConfig
from training.errors import TrainingError
from training.imitation import Progress, learn_to_look, learn_to_speak
from training.views import View, collect_views

TRAIN_SEEDS, CHECK_SEEDS = 10_000_000, 20_000_000
CHECK_VIEWS_PER_SCENE = 4
# The code whose change makes an earlier warm start another one's.
SHAPING = (
    "sim/maps", "sim/render", "sim/scenarios", "sim/tasks/perception.py", "sim/tasks/tools.py", "policy/chat.py",
    "policy/nano.py", "policy/perception.py", "policy/processor.py", "training/conversations.py",
    "training/imitation.py", "training/views.py",
)  # fmt: skip


@dataclass(frozen=True)
class WarmStartResult:
    """The model that sees, how well on held-out frames, and what it cost; `cached` if it was made earlier."""

    loaded: LoadedModel
    accuracy: dict[str, float]
    seconds: float
    cached: bool
    folder: Path


def warm_start(
    config: WarmStartConfig, policy: PolicyConfig, pool: RolloutPool, provenance: dict[str, Any], progress: Progress
) -> WarmStartResult:
    """Teach `policy`'s model to describe frames and to call tools, or take the cached result of having done so.

    `progress(phase, done, total, note)` is called as work goes on. Raises TrainingError if it does not learn to see.
    """
    folder = cache_folder() / f"warm-start-{fingerprint(config, policy, pool)}"
    if config.cache and (folder / "accuracy.json").is_file() and checkpoint_policy(folder):
        record = json.loads((folder / "accuracy.json").read_text("utf-8"))
        return WarmStartResult(load_cached(folder, policy), record, 0.0, True, folder)
    started = time.monotonic()
    total = config.scenes + -(-config.check_views // CHECK_VIEWS_PER_SCENE)
    seeds = [TRAIN_SEEDS + 1_000_000 * config.seed + index for index in range(config.scenes)]
    views = collect_views(
        pool, seeds, config.views_per_scene, "train", lambda done: progress("look around", done, total, "scenes")
    )
    checks = collect_views(
        pool,
        range(CHECK_SEEDS, CHECK_SEEDS + total - config.scenes),
        CHECK_VIEWS_PER_SCENE,
        # Test towns stay unseen until the evaluation; a single town has no third set of roads.
        "test" if pool_of(pool.session) is None else "validation",
        lambda done: progress("look around", config.scenes + done, total, "scenes"),
    )
    loaded = load_model(policy)
    learn_to_look(loaded, config, views, progress)
    learn_to_speak(loaded, config, views, progress)
    # All weights were trained here; from now on those that the policy names.
    mark_trainable(loaded.model, policy)
    accuracy = perception_accuracy(loaded, policy, checks)
    if accuracy["scene"] < config.min_accuracy:
        raise TrainingError(
            f"the warm start names {accuracy['scene']:.0%} of held-out scenes right, below "
            f"training.warm_start.min_accuracy={config.min_accuracy:.0%}: a policy that does not see learns nothing "
            "from RL; raise training.warm_start.scenes, look_steps or speak_steps"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(folder, loaded.model, loaded.processor, policy, TOOLS, provenance)
    write_atomic(folder / "accuracy.json", json.dumps(accuracy))
    return WarmStartResult(loaded, accuracy, time.monotonic() - started, False, folder)


def perception_accuracy(loaded: LoadedModel, config: PolicyConfig, views: Sequence[View]) -> dict[str, float]:
    """How often the greedy description of a frame is right: of each part, and of all parts that matter ("scene").

    The parts are left, ahead (clear, person or vehicle) and right; near or far is not asked for.
    """
    policy = GemmaPolicy(loaded, config)
    policy.temperature = 0.0
    right = {"left": 0, "ahead": 0, "right": 0, "obstacle": 0, "scene": 0}
    for start in range(0, len(views), 16):
        chosen = views[start : start + 16]
        turns = [
            Turn(f"check-{index}", 0, f"Speed {round(view.speed_kmh)} km/h.", view.frame(), SYSTEM_PROMPT, TOOLS)
            for index, view in enumerate(chosen)
        ]
        for view, decision in zip(chosen, policy.decide(turns), strict=True):
            said, true = _parts(decision.text), _parts(describe(view.privileged))
            hits = {part: said.get(part) == true[part] for part in ("left", "ahead", "right")}
            obstacle = (said.get("ahead") == "clear") == (true["ahead"] == "clear")
            for part, hit in {**hits, "obstacle": obstacle}.items():
                right[part] += hit
            right["scene"] += hits["left"] and hits["right"] and obstacle
        policy.forget([turn.episode_id for turn in turns])
    return {part: count / max(len(views), 1) for part, count in right.items()}


def _parts(text: str) -> dict[str, str]:
    words = text.replace("\n", " ").split()
    return {
        name: words[index + 1]
        for index, name in enumerate(words[:-1])
        if name in ("left", "ahead", "right") and "<|tool_call>" not in " ".join(words[: index + 1])
    }


def cache_folder() -> Path:
    """$PILOTAGE_CACHE, or ~/.cache/pilotage."""
    return Path(os.environ.get("PILOTAGE_CACHE") or Path.home() / ".cache" / "pilotage").expanduser()


def fingerprint(config: WarmStartConfig, policy: PolicyConfig, pool: RolloutPool) -> str:
    """A hash of everything that shapes a warm start: options, camera, town, and the code of world and policy."""
    options = {key: value for key, value in asdict(config).items() if key not in ("cache", "min_accuracy", "enabled")}
    shape = {
        "warm_start": options,
        "policy": {key: getattr(policy, key) for key in ("model", "revision", "max_soft_tokens", "thought", "seed")},
        "camera": asdict(pool.task.camera),
        "town": pool.session.town,
        "towns_per_split": pool.session.towns_per_split,
        "backend": pool.session.backend,
    }
    digest = hashlib.sha256(json.dumps(shape, sort_keys=True).encode())
    root = Path(__file__).resolve().parents[1]
    for place in SHAPING:
        path = root / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def load_cached(folder: Path, policy_config: PolicyConfig) -> LoadedModel:
    """The model of an earlier warm start."""
    return load_model(PolicyConfig(**{**vars(policy_config), "model": str(folder)}))
