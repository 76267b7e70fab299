"""What the warm start's choices bring: the first stage with and without each, from the same frames.

python benchmarks/warm_start.py [--steps 400] [--scenes 1600]

Prints the mean loss of the last 40 steps in nats per frame: four questions with three answers each, 4.39 for guessing.
"""

from __future__ import annotations

import argparse
import os
import platform
import time

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch

from policy.checkpoint import LoadedModel, load_model
from policy.config import PolicyConfig
from rollouts.config import ClusterConfig, RolloutConfig
from rollouts.pool import RolloutPool
from sim.client import SessionConfig
from sim.tasks import TaskConfig
from training.config import WarmStartConfig
from training.imitation import learn_to_look
from training.process import prepare_process
from training.views import collect_views
from training.warm_start import TRAIN_SEEDS


def main() -> None:
    """Collect frames once, train each variant, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--scenes", type=int, default=1600)
    options = parser.parse_args()
    prepare_process()
    seeds = [TRAIN_SEEDS + index for index in range(options.scenes)]
    with RolloutPool(RolloutConfig(), ClusterConfig(), TaskConfig(), SessionConfig()) as pool:
        views = collect_views(pool, seeds, WarmStartConfig().views_per_scene, "train", lambda done: None)
    shipped = WarmStartConfig(look_steps=options.steps)
    adamw = WarmStartConfig(look_steps=options.steps, muon_learning_rate=0.0)
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {len(views)} frames")
    print("| variant | loss after | seconds |\n|---|---|---|", flush=True)
    for name, config, unit in (
        ("as shipped", shipped, False),
        ("AdamW for all weights", adamw, False),
        ("unit query and key norms", shipped, True),
    ):
        loaded = load_model(PolicyConfig())
        if unit:
            unit_norms(loaded)
        began = time.monotonic()
        losses = learn_to_look(loaded, config, views, lambda *_: None)
        print(f"| {name} | {np.mean(losses[-40:]):.2f} | {time.monotonic() - began:.0f} |", flush=True)


@torch.no_grad()
def unit_norms(loaded: LoadedModel) -> None:
    """Norms of queries and keys as in a freshly made Gemma 4."""
    for name, weight in loaded.model.named_parameters():
        if "q_norm" in name or "k_norm" in name:
            weight.fill_(1.0)


if __name__ == "__main__":
    main()
