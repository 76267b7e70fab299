"""Options of a policy. Only the standard library is imported here: workers read this without torch."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class LoraConfig:
    """Low-rank adapters (Hu et al. 2021) on the language model's linear layers.

    rank      0 turns them off
    alpha     scale; the update is alpha / rank * B A
    dropout   on the adapters' input, while training
    targets   names of linear layers, as PEFT matches them
    """

    rank: int = 0
    alpha: int = 16
    dropout: float = 0.0
    targets: list[str] = field(
        default_factory=lambda: ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    )


@dataclass
class PolicyConfig:
    """Who drives.

    driver              "gemma" (a model of the Gemma 4 family), "expert", "random", or "constant"
    model               for driver=gemma: "nano" (built here), a hub id, or a folder with a checkpoint
    revision            of a hub id
    call                for driver=constant: the call, e.g. 'lane_change(direction=left)'
    thought             what the model writes before a call: "none", "scene" (a description of the frame in a fixed
                        vocabulary) or "free" (up to max_thought_tokens)
    max_thought_tokens  length limit of a free thought
    temperature         of sampling; 0 takes the most likely legal token
    max_soft_tokens     vision tokens per frame at most: 70, 140, 280, 560 or 1120
    max_context_tokens  an episode whose conversation grows longer ends with an error that says so
    dtype               "float32", "bfloat16" or "auto" (bfloat16 on a GPU, but float32 for model=nano)
    device              "auto", "cpu", "cuda", "cuda:0", ...
    train_vision        whether RL updates the vision tower and its projection; language layers are always trained
                        (by LoRA where lora.rank > 0)
    lora                low-rank adapters
    seed                of the nano model's initial weights
    """

    driver: str = "gemma"
    model: str = "nano"
    revision: str = ""
    call: str = ""
    thought: str = "scene"
    max_thought_tokens: int = 64
    temperature: float = 1.0
    max_soft_tokens: int = 70
    max_context_tokens: int = 4096
    dtype: str = "auto"
    device: str = "auto"
    train_vision: bool = False
    lora: LoraConfig = field(default_factory=LoraConfig)
    seed: int = 0
