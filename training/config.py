"""Options of training. Only the standard library is imported here."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class WarmStartConfig:
    """Imitation of perception and protocol, before RL: what a frame shows, and calls drawn at random.

    enabled               models that can see and call tools already need none
    scenes                scenes whose frames are described
    views_per_scene       frames per scene
    look_steps            optimiser steps of the first stage: the vision tower under a throw-away head
    look_batch            frames per step of it
    speak_steps           optimiser steps of the second stage: the whole model, describing and calling
    conversations         conversations per step of it
    turns                 frames per conversation
    muon_learning_rate    peak, for the layers' matrices (Muon, Jordan et al. 2024); 0 leaves them to AdamW too
    learning_rate         peak, for embeddings, norms and the head (AdamW)
    weight_decay          of both
    min_accuracy          share of held-out frames whose scene must be named right in all parts that matter for
                          driving; below it the run stops: RL on a policy that does not see gains nothing
    check_views           held-out frames for that
    seed                  of scenes, batches and random calls
    cache                 reuse the result of an equal earlier warm start
    """

    enabled: bool = True
    scenes: int = 1600
    views_per_scene: int = 5
    look_steps: int = 1200
    look_batch: int = 32
    speak_steps: int = 600
    conversations: int = 3
    turns: int = 6
    muon_learning_rate: float = 0.02
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    min_accuracy: float = 0.4
    check_views: int = 240
    seed: int = 0
    cache: bool = True


@dataclass
class TrainingConfig:
    """Online RL with GRPO (Shao et al. 2024) through TRL.

    steps             optimiser steps
    scenes_per_step   different seeds per generation batch
    group_size        rollouts of each seed: the group whose mean reward is the baseline
    updates_per_batch optimiser steps that one pass over a batch of episodes takes, each with its share of them
    epochs            passes over each batch; the probability ratio is clipped as in PPO
    learning_rate     constant between warm-up and decay
    warmup_steps      linear warm-up
    decay_share       last share of the steps, over which the learning rate falls in a line to a tenth: what is learned
                      last is not unlearned again by the noise of single batches; 0 keeps the rate constant
    max_grad_norm     clipping of the gradient's norm
    beta              weight of the KL divergence to the policy before RL; 0 turns it off
    epsilon           clipping of the probability ratio
    scale_rewards     "group" divides advantages by the group's standard deviation, "batch" by the batch's, "none" not
    loss_type         TRL's loss normalisation, e.g. "dapo", "grpo", "dr_grpo"
    entropy_coef      weight of an entropy bonus in the first step; it keeps a policy from settling for one call for
                      ever before it has found what depends on what it sees
    entropy_coef_end  in the last step; linear in between
    train_thoughts    whether thoughts are learned from reward too; else only calls are, given the thought
    optimizer         TRL's (transformers') name
    save_steps        steps between resumable checkpoints; 0 keeps only the last
    microbatch        episodes per forward pass; 0 takes the whole batch
    gradient_checkpointing  recompute activations in the backward pass
    warm_start        perception and protocol before RL
    """

    steps: int = 160
    scenes_per_step: int = 8
    group_size: int = 8
    updates_per_batch: int = 2
    epochs: int = 2
    learning_rate: float = 1.5e-3
    warmup_steps: int = 8
    decay_share: float = 0.5
    max_grad_norm: float = 1.0
    beta: float = 0.0
    epsilon: float = 0.2
    scale_rewards: str = "group"
    loss_type: str = "dapo"
    entropy_coef: float = 0.4
    entropy_coef_end: float = 0.05
    train_thoughts: bool = False
    optimizer: str = "adamw_torch"
    save_steps: int = 40
    microbatch: int = 0
    gradient_checkpointing: bool = False
    warm_start: WarmStartConfig = field(default_factory=WarmStartConfig)


@dataclass
class EvaluationConfig:
    """Held-out episodes: other roads and other weathers than in training.

    episodes      per policy, on the same seeds
    first_seed    of those seeds
    temperature   of the model's sampling; negative keeps policy.temperature
    baselines     also run random calls and the privileged expert
    split         "test", or "validation" where sim.town is a style or of that split
    train_towns   let `pilotage evaluate` drive a town of the training split, such as Grid-train-0007
    """

    episodes: int = 120
    first_seed: int = 1_000_000
    temperature: float = -1.0
    baselines: bool = True
    train_towns: bool = False
    split: str = "test"


@dataclass
class ReplayConfig:
    """The film of a run.

    enabled   make it
    seeds     held-out seeds to show
    speed     of simulated time
    """

    enabled: bool = True
    seeds: int = 4
    speed: float = 0.5


@dataclass
class LoggingConfig:
    """What is written down while training.

    tensorboard     event files, beside metrics.csv
    keep_episodes   episodes of each step's batch that are kept whole in episodes/; 0 keeps none
    """

    tensorboard: bool = True
    keep_episodes: int = 0
