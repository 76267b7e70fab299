"""Checkpoints come back equal, here and in plain transformers; what is broken says so and breaks nothing else."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from driving import e2b_shaped, frame, reference_logits, turn
from peft import PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, Gemma4ForConditionalGeneration

from policy.checkpoint import LoadedModel, checkpoint_policy, load_model, lora_config, pick_dtype, save_checkpoint
from policy.config import LoraConfig, PolicyConfig
from policy.errors import CheckpointError, PolicyLoadError
from policy.gemma import GemmaPolicy
from policy.processor import build_processor
from sim.tasks.tools import TOOLS, check_call

CPU = PolicyConfig(device="cpu")
LORA = replace(CPU, lora=LoraConfig(rank=4))


@pytest.fixture(scope="session")
def e2b(nano: LoadedModel) -> LoadedModel:
    """An E2B-shaped model with a processor of its vision tower's."""
    processor = build_processor(nano.processor.tokenizer, 70)
    return LoadedModel(e2b_shaped(processor.tokenizer), processor, "e2b")


@pytest.fixture(scope="session")
def saved(e2b: LoadedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its checkpoint; tests that damage it take a copy."""
    return save_checkpoint(tmp_path_factory.mktemp("policy") / "e2b", e2b.model, e2b.processor, CPU, TOOLS, {"step": 3})


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "copy"))


def logits(loaded: LoadedModel) -> torch.Tensor:
    """What a model makes of a prompt and a frame."""
    policy = GemmaPolicy(loaded, CPU)
    asked = turn("a", 0)
    ids = policy.chat.prompt(asked.system, TOOLS, asked.text, 66)
    return reference_logits(loaded.model, loaded.processor, ids, [asked.frame])


def files(folder: Path) -> dict[str, bytes]:
    """Every file below `folder`, with its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes, as on a disk that fills up while a file is written."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


# ---- round trips -----------------------------------------------------------------------------------------------------


def test_an_e2b_shaped_checkpoint_loads_and_decides(e2b: LoadedModel, saved: Path) -> None:
    loaded = load_model(replace(CPU, model=str(saved)))
    assert not loaded.model.training
    for first, second in zip(loaded.model.state_dict().items(), e2b.model.state_dict().items(), strict=True):
        assert first[0] == second[0]
        assert torch.equal(first[1], second[1])
    one, other = GemmaPolicy(loaded, CPU), GemmaPolicy(e2b, CPU)
    for index in range(2):
        asked = [turn("a", index), turn("b", index)]
        for first, second in zip(one.decide(asked), other.decide(asked)):
            assert first.call is not None
            check_call(first.call)
            assert first.token_ids == second.token_ids
            np.testing.assert_array_equal(first.logprobs, second.logprobs)


def test_plain_transformers_reads_a_checkpoint(e2b: LoadedModel, saved: Path) -> None:
    """No class of ours is needed: the model, the tokenizer and the template stand on their own."""
    plain, report = Gemma4ForConditionalGeneration.from_pretrained(str(saved), output_loading_info=True)
    assert not any(report[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    tokenizer = AutoTokenizer.from_pretrained(str(saved))
    assert torch.equal(logits(LoadedModel(plain.eval(), build_processor(tokenizer, 70), "plain")), logits(e2b))
    assert torch.equal(logits(load_model(replace(CPU, model=str(saved)))), logits(e2b))
    settings = "".join((saved / name).read_text() for name in ("processor_config.json", "tokenizer_config.json"))
    assert "Gemma4Processor" in settings
    assert "GemmaProcessor" not in settings.replace("Gemma4Processor", "")
    assert "_NoVideoProcessor" not in settings
    assert (saved / "chat_template.jinja").is_file()


def test_a_nano_checkpoint_loads_like_any_other(nano: LoadedModel, tmp_path: Path) -> None:
    folder = save_checkpoint(tmp_path / "nano", nano.model, nano.processor, CPU, TOOLS)
    loaded = load_model(replace(CPU, model=str(folder)))
    assert torch.equal(logits(loaded), logits(nano))
    assert loaded.model.generation_config.eos_token_id == nano.model.generation_config.eos_token_id


def test_a_checkpoint_tells_its_tools_policy_and_origin(saved: Path, tmp_path: Path) -> None:
    assert [tool["function"]["name"] for tool in json.loads((saved / "tools.json").read_text())] == [
        tool.name for tool in TOOLS
    ]
    record = json.loads((saved / "policy.json").read_text())
    assert record["provenance"] == {"step": 3}
    assert checkpoint_policy(saved) == record["policy"]
    assert checkpoint_policy(saved)["thought"] == "scene"
    assert checkpoint_policy(tmp_path) == {}


def test_a_newer_checkpoint_replaces_an_older_one_whole(nano: LoadedModel, copy: Path) -> None:
    (copy / "stale.txt").write_text("of the older one")
    save_checkpoint(copy, nano.model, nano.processor, CPU, TOOLS)
    assert os.listdir(copy.parent) == [copy.name]
    assert not (copy / "stale.txt").exists()
    assert torch.equal(logits(load_model(replace(CPU, model=str(copy)))), logits(nano))


def test_half_precision_decides_too(saved: Path) -> None:
    loaded = load_model(replace(CPU, model=str(saved), dtype="bfloat16"))
    assert loaded.model.dtype == torch.bfloat16
    (decision,) = GemmaPolicy(loaded, CPU).decide([turn("a", 0)])
    assert decision.call is not None
    assert decision.logprobs is not None
    assert np.isfinite(decision.logprobs).all()


def test_the_seed_makes_the_nano_model() -> None:
    weights = [dict(load_model(replace(CPU, seed=seed)).model.named_parameters()) for seed in (1, 1, 2)]
    assert all(torch.equal(weight, weights[1][name]) for name, weight in weights[0].items())
    assert not all(torch.equal(weight, weights[2][name]) for name, weight in weights[0].items())


@pytest.mark.parametrize("vision", [False, True])
def test_vision_is_trained_only_on_request(vision: bool) -> None:
    model = load_model(replace(CPU, train_vision=vision)).model
    for name, weight in model.named_parameters():
        assert weight.requires_grad == (vision or not ("vision_tower" in name or "embed_vision" in name)), name


# ---- low-rank adapters -----------------------------------------------------------------------------------------------


def adapted(model: Any) -> Any:
    """`model` with adapters that change what it says."""
    wrapped = get_peft_model(model, lora_config(LORA)).eval()
    with torch.no_grad():
        for name, weight in wrapped.named_parameters():
            if "lora_B" in name:
                weight.normal_(0.0, 0.1, generator=torch.Generator().manual_seed(len(name)))
    return wrapped


def test_no_rank_is_no_adapters() -> None:
    assert lora_config(CPU) is None


@pytest.mark.parametrize("base", ["checkpoint", "memory"])
def test_adapters_round_trip(base: str, nano: LoadedModel, saved: Path, tmp_path: Path) -> None:
    """Over a checkpoint they name it; over a model that lives in memory alone they bring it along."""
    if base == "checkpoint":
        loaded = load_model(replace(LORA, model=str(saved)))
    else:
        loaded = LoadedModel(e2b_shaped(nano.processor.tokenizer), build_processor(nano.processor.tokenizer, 70), "")
    bare = logits(loaded)
    wrapped = LoadedModel(adapted(loaded.model), loaded.processor, loaded.source)
    trained = [name for name, weight in wrapped.model.named_parameters() if weight.requires_grad]
    assert trained
    assert all("lora_" in name and ".language_model.layers." in name for name in trained)
    kinds = {name.split(".lora_")[0].rsplit(".", 1)[1] for name in trained}
    assert kinds == set(LORA.lora.targets)
    folder = save_checkpoint(tmp_path / "adapters", wrapped.model, wrapped.processor, LORA, TOOLS)
    again = load_model(replace(LORA, model=str(folder)))
    assert isinstance(again.model, PeftModel)
    assert [name for name, weight in again.model.named_parameters() if weight.requires_grad] == trained
    assert torch.equal(logits(again), logits(wrapped))
    assert not torch.allclose(logits(again), bare, atol=1e-3)
    assert (folder / "base").is_dir() == (base == "memory")
    if base == "checkpoint":
        assert (folder / "adapter_model.safetensors").stat().st_size < (saved / "model.safetensors").stat().st_size
        assert not (folder / "model.safetensors").exists()


def test_adapters_decide_turns(saved: Path) -> None:
    loaded = load_model(replace(CPU, model=str(saved)))
    policy = GemmaPolicy(LoadedModel(adapted(loaded.model), loaded.processor, ""), CPU)
    for index in range(2):
        assert all(decision.call for decision in policy.decide([turn("a", index), turn("b", index)]))


def test_adapters_without_a_base_say_so(saved: Path, tmp_path: Path) -> None:
    wrapped = adapted(load_model(replace(CPU, model=str(saved))).model)
    wrapped.save_pretrained(str(tmp_path))
    settings = json.loads((tmp_path / "adapter_config.json").read_text())
    for base in (None, str(tmp_path / "gone")):
        (tmp_path / "adapter_config.json").write_text(json.dumps({**settings, "base_model_name_or_path": base}))
        assert_refused(str(tmp_path))


# ---- broken checkpoints ----------------------------------------------------------------------------------------------


def assert_refused(model: str, match: str | None = None, **options: Any) -> None:
    """Loading raises PolicyLoadError with one readable line that names the option."""
    with pytest.raises(PolicyLoadError, match=match) as caught:
        load_model(replace(CPU, model=model, **options))
    line = str(caught.value)
    assert "\n" not in line
    assert "policy." in line
    assert len(line) < 700


def truncate(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])


def lose_a_weight(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights.pop(next(name for name in weights if "layers.0.mlp" in name))
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def reshape_a_weight(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights[next(name for name in weights if "layers.0.mlp" in name)] = torch.zeros(3, 5)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def edit(name: str, **changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        settings = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps({**settings, **changes}))

    return change


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def write(name: str, text: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_text(text) and None


@pytest.mark.parametrize(
    ("damage", "match"),
    [
        (truncate, "cannot be loaded"),
        (write("model.safetensors", "not a tensor"), "cannot be loaded"),
        (remove("model.safetensors"), "cannot be loaded"),
        (lose_a_weight, "layers.0.mlp"),
        (reshape_a_weight, "layers.0.mlp"),
        (write("config.json", "{"), "cannot be loaded"),
        (remove("config.json"), "cannot be loaded"),
        (write("config.json", '{"model_type": "llama"}'), "'llama' model; Gemma 4 is needed"),
        (edit("config.json", text_config={"hidden_size": "wide"}), "hidden_size"),
        (edit("config.json", image_token_id=9), "image token"),
        (write("tokenizer.json", "{"), "tokenizer"),
        (
            lambda folder: [(folder / name).unlink() for name in ("tokenizer.json", "tokenizer_config.json")],
            "tokenizer",
        ),
        (edit("tokenizer_config.json", image_token=None, boi_token=None), "image token"),
    ],
)
def test_a_damaged_folder_is_named_in_one_line(copy: Path, damage: Callable[[Path], None], match: str) -> None:
    damage(copy)
    assert_refused(str(copy), match)


def test_missing_folders_and_impossible_options_are_named(saved: Path, tmp_path: Path) -> None:
    assert_refused(str(tmp_path / "gone"), "no such folder")
    assert_refused("./gone", "no such folder")
    assert_refused("gone", "no such folder")
    assert_refused(str(saved), "max_soft_tokens", max_soft_tokens=71)
    assert_refused("nano", "max_soft_tokens", max_soft_tokens=0)
    assert_refused(str(saved), "dtype", dtype="float8")
    assert_refused("nano", "dtype", dtype="float8")
    assert_refused("nano", "device", device="toaster")
    if not torch.cuda.is_available():
        assert_refused("nano", "device", device="cuda")
    assert pick_dtype("auto", torch.device("cpu")) == torch.float32
    assert pick_dtype("auto", torch.device("cuda")) == torch.bfloat16


def test_an_unreachable_hub_is_one_line(tmp_path: Path) -> None:
    code = (
        "from policy.checkpoint import load_model\nfrom policy.config import PolicyConfig\n"
        "from policy.errors import PolicyLoadError\n"
        "try:\n    load_model(PolicyConfig(model='pilotage-test/not-there', device='cpu'))\n"
        "except PolicyLoadError as error:\n    print(error)"
    )
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    lines = done.stdout.strip().splitlines()
    assert len(lines) == 1, done.stdout
    assert lines[0].startswith("policy.model=pilotage-test/not-there: ")


# ---- writing that fails ----------------------------------------------------------------------------------------------


def test_an_impossible_place_is_a_checkpoint_error(e2b: LoadedModel, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for folder in (tmp_path / "file" / "checkpoint", tmp_path / "file"):
        with pytest.raises(CheckpointError, match="could not be written") as caught:
            save_checkpoint(folder, e2b.model, e2b.processor, CPU, TOOLS)
        assert "\n" not in str(caught.value)
    assert files(tmp_path) == {"file": b"in the way"}
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("size", [0, 10_000, 100_000])
def test_a_full_disk_leaves_the_old_checkpoint_alone(nano: LoadedModel, copy: Path, size: int) -> None:
    before = files(copy)
    with full_disk(size), pytest.raises(CheckpointError, match="disk space"):
        save_checkpoint(copy, nano.model, nano.processor, CPU, TOOLS)
    assert os.listdir(copy.parent) == [copy.name]
    assert files(copy) == before


def test_a_full_disk_leaves_no_half_checkpoint(nano: LoadedModel, tmp_path: Path) -> None:
    with full_disk(100_000), pytest.raises(CheckpointError):
        save_checkpoint(tmp_path / "new", nano.model, nano.processor, CPU, TOOLS)
    assert os.listdir(tmp_path) == []


def test_frames_reach_a_loaded_model(saved: Path) -> None:
    """A processor that comes from a folder sees what the saved one saw."""
    loaded = load_model(replace(CPU, model=str(saved)))
    images = loaded.processor.image_processor(images=[frame(1)], return_tensors="pt")
    fresh = build_processor(loaded.processor.tokenizer, 70).image_processor(images=[frame(1)], return_tensors="pt")
    assert torch.equal(images["pixel_values"], fresh["pixel_values"])
