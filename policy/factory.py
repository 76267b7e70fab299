"""From a config to a driver; torch is imported only for drivers that need it."""

from __future__ import annotations

import re
from dataclasses import replace

from policy.config import PolicyConfig
from policy.errors import InvalidPolicy
from policy.experts import ConstantPolicy, ExpertPolicy, RandomPolicy
from policy.interface import Policy
from sim.tasks.protocol import InvalidToolCall, Scalar, ToolCall
from sim.tasks.tools import all_calls, check_call

# A checkpoint answers in the way that it was trained in, whatever the command line says.
REMEMBERED = ("thought", "max_thought_tokens", "max_soft_tokens")
DRIVERS = ("gemma", "expert", "random", "constant")


def make_policy(config: PolicyConfig) -> Policy:
    """The driver that `config` names. Raises InvalidPolicy, PolicyLoadError."""
    if config.driver == "expert":
        return ExpertPolicy()
    if config.driver == "random":
        return RandomPolicy()
    if config.driver == "constant":
        return ConstantPolicy(parse_constant(config.call))
    if config.driver != "gemma":
        raise InvalidPolicy(f"policy.driver={config.driver!r}: choose one of {', '.join(DRIVERS)}")
    from policy.checkpoint import load_model
    from policy.gemma import GemmaPolicy, check_options

    check_options(config)
    config = as_trained(config)
    return GemmaPolicy(load_model(config), config)


def as_trained(config: PolicyConfig) -> PolicyConfig:
    """`config` with what a checkpoint of ours remembers about how it thinks and sees; other models as configured."""
    from policy.checkpoint import checkpoint_policy

    record = checkpoint_policy(config.model)
    return replace(config, **{key: record[key] for key in REMEMBERED if key in record})


def parse_constant(text: str) -> ToolCall:
    """A call as people write it: 'brake(intensity=full)'. Raises InvalidPolicy listing the legal ones."""
    found = re.fullmatch(r"\s*(\w+)\s*(?:\((.*)\))?\s*", text)
    try:
        if found is None:
            raise InvalidToolCall(f"{text!r} is no call")
        pairs = [item.split("=", 1) for item in (found.group(2) or "").split(",") if item.strip()]
        if any(len(pair) != 2 for pair in pairs):
            raise InvalidToolCall("arguments are written name=value")
        arguments = {name.strip(): _scalar(value.strip()) for name, value in pairs}
        if len(arguments) < len(pairs):
            raise InvalidToolCall("an argument is given twice")
        call = ToolCall(found.group(1), arguments)
        check_call(call)
    except InvalidToolCall as error:
        example = ", ".join(
            f"{call.name}({','.join(f'{k}={v}' for k, v in call.arguments.items())})" for call in all_calls()[:3]
        )
        raise InvalidPolicy(f"policy.call={text!r}: {error}; for example {example}") from None
    return call


def _scalar(text: str) -> Scalar:
    if text in ("true", "false"):
        return text == "true"
    return int(text) if re.fullmatch("-?[0-9]{1,20}", text) else text
