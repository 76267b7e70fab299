"""A Gemma 4 model as a `Policy`: conversations by episode id, decided in batches."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence

import torch

from policy.chat import Chat, parse_call
from policy.checkpoint import LoadedModel
from policy.config import PolicyConfig
from policy.engine import Conversation, EpisodeCache, generate_turn, prefill
from policy.errors import InvalidPolicy
from policy.grammar import THOUGHTS, Grammar
from policy.interface import Decision, Turn
from sim.tasks.protocol import InvalidToolCall, ToolSpec


class GemmaPolicy:
    """Drives with a Gemma 4 model of any size.

    Conversations hold KV caches that were made with the weights of their time: `new_weights` forgets them all.
    """

    wants_privileged = False

    def __init__(self, loaded: LoadedModel, config: PolicyConfig, name: str = "gemma") -> None:
        check_options(config)
        self.name = name
        self.config = config
        self.model, self.processor = loaded.model, loaded.processor
        self.chat = Chat(loaded.processor, thinking=config.thought != "none")
        self.version = 0
        self.temperature = config.temperature
        self._grammars: dict[tuple[str, ...], Grammar] = {}
        self._conversations: dict[str, tuple[Conversation, Grammar, str]] = {}
        self._prefixes: dict[tuple[int, ...], EpisodeCache] = {}

    def grammar(self, tools: Sequence[ToolSpec]) -> Grammar:
        """The grammar of `tools` under this policy's thought."""
        key = tuple(repr(tool) for tool in tools)
        if key not in self._grammars:
            self._grammars[key] = Grammar(self.chat, tools, self.config.thought, self.config.max_thought_tokens)
        return self._grammars[key]

    def decide(self, turns: Sequence[Turn]) -> list[Decision]:
        """One decision per turn. Raises InvalidPolicy for a turn whose episode is unknown, ImageMismatch."""
        if not turns:
            return []
        started = time.perf_counter()
        sizes = self._image_tokens(turns)
        contexts, conversations, grammars = [], [], []
        for turn, size in zip(turns, sizes, strict=True):
            context, conversation, grammar = self._open(turn, size)
            if conversation.length + len(self._unread(conversation, context)) > self.config.max_context_tokens:
                raise InvalidPolicy(
                    f"episode {turn.episode_id}, turn {turn.index}: the conversation exceeds "
                    f"policy.max_context_tokens={self.config.max_context_tokens}; raise it or lower task.max_calls"
                )
            contexts.append(context)
            conversations.append(conversation)
            grammars.append(grammar)
        if len({id(grammar) for grammar in grammars}) > 1:
            raise InvalidPolicy("turns of one call of `decide` must share their tools")
        made = generate_turn(
            self.model,
            self.processor,
            grammars[0],
            conversations,
            [self._unread(conversation, context) for conversation, context in zip(conversations, contexts)],
            [turn.frame for turn in turns],
            [(turn.seed, turn.index) for turn in turns],
            self.temperature,
            [f"episode {turn.episode_id}, turn {turn.index}" for turn in turns],
        )
        seconds = (time.perf_counter() - started) / len(turns)
        decisions = []
        for turn, context, generation in zip(turns, contexts, made, strict=True):
            text = self.chat.tokenizer.decode(list(generation.token_ids), skip_special_tokens=False)
            call, error = None, None
            try:
                call = parse_call(text)
            except InvalidToolCall as mistake:
                error = str(mistake)
            conversation, grammar, _ = self._conversations[turn.episode_id]
            self._conversations[turn.episode_id] = (conversation, grammar, call.name if call else "unknown")
            decisions.append(
                Decision(
                    turn.episode_id, turn.index, call, error, text, tuple(context), generation.token_ids,
                    generation.logprobs, seconds, self.version,
                )
            )  # fmt: skip
        return decisions

    def forget(self, episode_ids: Sequence[str]) -> None:
        """Drop the caches of these episodes."""
        for episode_id in episode_ids:
            self._conversations.pop(episode_id, None)

    def new_weights(self, state: Mapping[str, torch.Tensor] | None = None) -> None:
        """The weights have changed, in place or to `state`: caches made with the old ones are dropped.

        `state` may hold a part of the weights (adapters). Raises InvalidPolicy for weights of another model.
        """
        if state is not None:
            unknown = state.keys() - self.model.state_dict().keys()
            if unknown:
                raise InvalidPolicy(f"the new weights do not belong to this model: it has no {min(unknown)!r}")
            self.model.load_state_dict(state, strict=False)
        self.version += 1
        self._prefixes.clear()
        self._conversations.clear()

    def _image_tokens(self, turns: Sequence[Turn]) -> list[int]:
        sizes = [turn.frame.shape[:2] for turn in turns]
        counted = self.processor._get_num_multimodal_tokens(image_sizes=sizes)
        return [int(count) for count in counted["num_image_tokens"]]

    def _open(self, turn: Turn, image_tokens: int) -> tuple[list[int], Conversation, Grammar]:
        if turn.index == 0:
            grammar = self.grammar(turn.tools)
            context = self.chat.prompt(turn.system, turn.tools, turn.text, image_tokens)
            conversation = Conversation(self._prefix(context))
            self._conversations[turn.episode_id] = (conversation, grammar, "")
            return context, conversation, grammar
        if turn.episode_id not in self._conversations:
            raise InvalidPolicy(f"episode {turn.episode_id}: turn {turn.index} of a conversation that is not open")
        conversation, grammar, called = self._conversations[turn.episode_id]
        return self.chat.response(called, turn.text, image_tokens), conversation, grammar

    def _prefix(self, prompt: list[int]) -> EpisodeCache:
        """The cache of a prompt's system turn, which all episodes of a task share."""
        turns = [index for index, token in enumerate(prompt) if token == self.chat.turn_id]
        shared = tuple(prompt[: turns[1]]) if len(turns) > 2 else ()
        if not shared:
            return EpisodeCache()
        if shared not in self._prefixes:
            self._prefixes[shared] = prefill(self.model, shared)
        return self._prefixes[shared]

    def _unread(self, conversation: Conversation, context: list[int]) -> list[int]:
        """What of `context` the cache does not hold yet: on turn 0 it begins with the shared prefix."""
        fresh = conversation.cache.length if not conversation.unseen else 0
        return context[fresh:]


def check_options(config: PolicyConfig) -> None:
    """Raises InvalidPolicy for options that no turn could be decided with, before anything is loaded."""
    if config.thought not in THOUGHTS:
        raise InvalidPolicy(f"policy.thought={config.thought!r}: choose one of {', '.join(THOUGHTS)}")
    if not 0.0 <= config.temperature < math.inf:
        raise InvalidPolicy(
            f"policy.temperature={config.temperature}: give 0 (the likeliest token) or a positive number"
        )
