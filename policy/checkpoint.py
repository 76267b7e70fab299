"""Loading models of the Gemma 4 family from the nano builder, a hub or a folder, and writing checkpoints."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers import AutoConfig, Gemma4ForConditionalGeneration
from transformers.models.gemma4.processing_gemma4 import Gemma4Processor

from policy.chat import tool_schemas
from policy.config import PolicyConfig
from policy.errors import CheckpointError, PolicyLoadError
from policy.nano import build_nano
from policy.perception import all_scenes
from policy.processor import load_processor, versions
from sim.tasks.emergency import SYSTEM_PROMPT
from sim.tasks.protocol import ToolSpec
from sim.tasks.tools import TOOLS

ADAPTER = "adapter_config.json"
BASE = "base"
# What transformers, tokenizers and safetensors raise for files that are missing, damaged or of something else.
LOAD_ERRORS = (
    OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, SafetensorError, StrictDataclassError
)  # fmt: skip
LANGUAGE_LAYERS = r".*language_model\.layers\.\d+\..*\.({names})"


@dataclass(frozen=True)
class LoadedModel:
    """A model in eval mode (a `PeftModel` where LoRA is on) and its processor; `source` says where they came from."""

    model: Any
    processor: Gemma4Processor
    source: str


def load_model(config: PolicyConfig) -> LoadedModel:
    """The model that `config` names, on its device, with the trainable part marked. Raises PolicyLoadError."""
    device = pick_device(config.device)
    dtype = pick_dtype(config.dtype, device)
    if config.model == "nano":
        model, processor = build_nano(nano_words(), config.max_soft_tokens, config.seed)
        # It is small enough to be exact wherever nobody asks for less.
        model.to(torch.float32 if config.dtype == "auto" else dtype)
    else:
        model, processor = _load_pretrained(config, dtype)
    mark_trainable(model, config)
    return LoadedModel(model.to(device).eval(), processor, config.model)


def nano_words() -> list[str]:
    """Texts that give the nano tokenizer its words: what prompts, scenes and tools are written in."""
    return [SYSTEM_PROMPT, *all_scenes(), json.dumps(tool_schemas(TOOLS)), "Speed km h thought call response value",
            "system user model declaration OBJECT STRING INTEGER"]  # fmt: skip


def pick_device(name: str) -> torch.device:
    """`name`, or for "auto" the first GPU if there is one. Raises PolicyLoadError for a device that is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise PolicyLoadError(f"policy.device={name}: {_first_line(error)}") from None
    return device


def pick_dtype(name: str, device: torch.device) -> torch.dtype:
    """float32 on a CPU and bfloat16 on a GPU for "auto"."""
    if name == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    if name not in ("float32", "bfloat16"):
        raise PolicyLoadError(f'policy.dtype={name}: choose "auto", "float32" or "bfloat16"')
    return getattr(torch, name)


def _load_pretrained(config: PolicyConfig, dtype: torch.dtype) -> tuple[Any, Gemma4Processor]:
    source, revision = config.model, config.revision or None
    folder = Path(source).expanduser()
    looks_local = folder.is_absolute() or source.startswith((".", "~")) or source.count("/") != 1
    if looks_local and not folder.is_dir():
        raise PolicyLoadError(f"policy.model={source}: there is no such folder; give a checkpoint folder or a hub id")
    if folder.is_dir():
        source = str(folder.resolve())
        if (folder / ADAPTER).is_file():
            return _load_adapter(config, folder, dtype)
    try:
        settings = AutoConfig.from_pretrained(source, revision=revision)
        if settings.model_type != "gemma4":
            raise PolicyLoadError(f"policy.model={config.model}: a {settings.model_type!r} model; Gemma 4 is needed")
        model, report = Gemma4ForConditionalGeneration.from_pretrained(
            source, revision=revision, dtype=dtype, output_loading_info=True, ignore_mismatched_sizes=True
        )
    except LOAD_ERRORS as error:
        raise PolicyLoadError(
            f"policy.model={config.model}: cannot be loaded ({_first_line(error)}); give a folder with config.json and "
            "*.safetensors, or a hub id that this machine can reach and is allowed to read"
        ) from None
    # transformers fills such weights with random numbers and only warns.
    broken = sorted(str(name) for name in {*report["missing_keys"], *(item[0] for item in report["mismatched_keys"])})
    if broken:
        raise PolicyLoadError(
            f"policy.model={config.model}: {len(broken)} weights are missing or of another shape than in config.json, "
            f"the first is {broken[0]}; give a complete checkpoint"
        )
    processor = load_processor(source, config.revision, config.max_soft_tokens, settings.vision_config)
    _check_pair(config.model, model, processor)
    return model, processor


def _check_pair(name: str, model: Any, processor: Gemma4Processor) -> None:
    tokens, rows = len(processor.tokenizer), model.get_input_embeddings().weight.shape[0]
    if tokens > rows:
        raise PolicyLoadError(f"policy.model={name}: its tokenizer has {tokens} tokens, its model {rows}")
    if processor.image_token_id != model.config.image_token_id:
        raise PolicyLoadError(
            f"policy.model={name}: the image token is {processor.image_token_id} in its tokenizer and "
            f"{model.config.image_token_id} in its config.json"
        )


def _load_adapter(config: PolicyConfig, folder: Path, dtype: torch.dtype) -> tuple[Any, Gemma4Processor]:
    from peft import PeftModel

    try:
        settings = json.loads((folder / ADAPTER).read_text("utf-8"))
        base = str(folder / BASE) if (folder / BASE).is_dir() else settings["base_model_name_or_path"]
        if not base:
            raise PolicyLoadError(f"policy.model={config.model}: the adapter does not say which model it belongs to")
        plain = replace(config, model=str(base), revision=settings.get("revision") or "")
        model, processor = _load_pretrained(plain, dtype)
        return PeftModel.from_pretrained(model, str(folder), is_trainable=True), processor
    except LOAD_ERRORS as error:
        raise PolicyLoadError(f"policy.model={config.model}: a broken adapter ({_first_line(error)})") from None


def mark_trainable(model: Any, config: PolicyConfig) -> None:
    """Set `requires_grad`: language layers always, vision as configured, audio never; LoRA leaves this to PEFT."""
    if hasattr(model, "peft_config"):
        return
    for name, weight in model.named_parameters():
        vision = "vision_tower" in name or "embed_vision" in name
        audio = "audio_tower" in name or "embed_audio" in name
        weight.requires_grad_(not audio and (config.train_vision or not vision))


def lora_config(config: PolicyConfig) -> Any:
    """The PEFT config for the language model's layers, or None where LoRA is off."""
    if config.lora.rank <= 0:
        return None
    from peft import LoraConfig as PeftLora

    return PeftLora(
        r=config.lora.rank,
        revision=config.revision or None,
        lora_alpha=config.lora.alpha,
        lora_dropout=config.lora.dropout,
        # Names alone would match the vision tower's clipped layers too, which PEFT cannot wrap.
        target_modules=LANGUAGE_LAYERS.format(names="|".join(config.lora.targets)),
        task_type="CAUSAL_LM",
    )


def save_checkpoint(
    folder: str | Path,
    model: Any,
    processor: Gemma4Processor,
    config: PolicyConfig,
    tools: Iterable[ToolSpec],
    provenance: dict[str, Any] | None = None,
) -> Path:
    """Write a checkpoint folder whole or not at all, replacing an older one; returns it. Raises CheckpointError.

    It holds safetensors (adapters alone where LoRA is on), config and processor, which `from_pretrained` reads, and
    tools.json and policy.json: the tool schema and how the policy thinks and samples. Adapters of a model that was
    built here come with that model, in the folder "base"; others name the checkpoint that they belong to.
    """
    target = Path(folder)
    temporary = target.with_name(f".{target.name}.tmp-{os.getpid()}")
    try:
        temporary.mkdir(parents=True, exist_ok=True)
        model.save_pretrained(str(temporary))
        if hasattr(model, "peft_config") and not model.get_base_model().config.name_or_path:
            _save_base(model, processor, temporary / BASE)
        processor.save_pretrained(str(temporary))
        record = {"policy": asdict(config), "versions": versions(), "provenance": provenance or {}}
        (temporary / "policy.json").write_text(json.dumps(record, indent=2), "utf-8")
        (temporary / "tools.json").write_text(json.dumps(tool_schemas(list(tools)), indent=2), "utf-8")
        _swap(temporary, target)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(
            f"the checkpoint {target} could not be written ({_first_line(error)}); free some disk space or choose "
            "another folder with hydra.run.dir=..."
        ) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def _save_base(model: Any, processor: Gemma4Processor, folder: Path) -> None:
    base = model.get_base_model()
    weights = {
        name.replace(".base_layer.", "."): weight for name, weight in base.state_dict().items() if "lora_" not in name
    }
    base.save_pretrained(str(folder), state_dict=weights)
    processor.save_pretrained(str(folder))


def _swap(fresh: Path, target: Path) -> None:
    if not target.exists():
        os.replace(fresh, target)
        return
    if not target.is_dir():
        raise NotADirectoryError(f"{target} is a file")
    old = target.with_name(f".{target.name}.old-{os.getpid()}")
    os.replace(target, old)
    try:
        os.replace(fresh, target)
    except OSError:
        os.replace(old, target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def checkpoint_policy(folder: str | Path) -> dict[str, Any]:
    """What policy.json of a checkpoint says; empty for folders that Pilotage did not write."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        return dict(json.loads((Path(folder).expanduser() / "policy.json").read_text("utf-8"))["policy"])
    return {}


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
