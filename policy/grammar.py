"""Which token may come next: a trie over the tools' finite schemas, after an optional thought.

Sampler and learner walk the same states, so that both speak of the same distribution: the model's logits, restricted
to the legal tokens. Where one token is legal, nothing is sampled and its log-probability is 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import PreTrainedTokenizerBase

from policy.chat import Chat, format_call, format_thought
from policy.errors import InvalidPolicy
from policy.perception import all_scenes
from sim.tasks.protocol import ToolSpec
from sim.tasks.tools import all_calls

THOUGHTS = ("none", "scene", "free")
DONE = -1
NOT_GENERATED = -2


class IllegalToken(ValueError):
    """A token that the grammar does not allow where it stands."""


class Grammar:
    """States are integers from 0, the start of a model's turn; DONE is its end.

    Each state belongs to a class of legal tokens: `masks[class_of(state)]` is its bool mask (vocabulary,).
    """

    def __init__(self, chat: Chat, tools: Sequence[ToolSpec], thought: str, max_thought_tokens: int) -> None:
        if thought not in THOUGHTS:
            raise InvalidPolicy(f"policy.thought={thought!r}: choose one of {', '.join(THOUGHTS)}")
        self.tokenizer = chat.tokenizer
        self._children: list[dict[int, int]] = [{}]
        self._free_first = self._free_last = -3
        calls = [chat.ids(format_call(call)) for call in all_calls(tuple(tools))]
        if thought == "none":
            self._add(0, calls, DONE)
        elif thought == "scene":
            root = self._node()
            self._add(root, calls, DONE)
            self._add(0, [chat.ids(format_thought(scene)) for scene in all_scenes()], root)
        else:
            self._add_free(chat, calls, max_thought_tokens)
        self.call_begins = calls[0][0]
        self._end_of_context = chat.ids(chat.processor.eoi_token)[-1]
        self.masks, self._classes = self._build_masks(len(self.tokenizer))

    # ---- walking -------------------------------------------------------------------------------------------------

    def forced(self, state: int) -> int | None:
        """The only legal token, or None where there is a choice."""
        children = self._children[state]
        return next(iter(children)) if len(children) == 1 and not self._is_free(state) else None

    def step(self, state: int, token: int) -> int:
        """The state after `token`. Raises IllegalToken."""
        if state >= 0:
            if token in self._children[state]:
                return self._children[state][token]
            if self._is_free(state) and state < self._free_last and bool(self.masks[self._classes[state], token]):
                return state + 1
        raise IllegalToken(f"token {token} ({self.tokenizer.convert_ids_to_tokens(token)!r}) is not legal here")

    def class_of(self, state: int) -> int:
        """Row of `masks` that holds for `state`."""
        return self._classes[state]

    def replay(self, completion: Sequence[int]) -> list[int]:
        """The state in which each token of a conversation's completion was chosen.

        A completion is what follows the prompt: turns of the model, each ended by `<|tool_response>`, and between them
        the environment's tokens, each ended by the end of an image; those get NOT_GENERATED. Raises IllegalToken where
        a turn of the model breaks the grammar.
        """
        states, state = [], 0
        for token in completion:
            if state == DONE:
                states.append(NOT_GENERATED)
                if token == self._end_of_context:
                    state = 0
                continue
            states.append(state)
            state = self.step(state, token)
        return states

    # ---- building ------------------------------------------------------------------------------------------------

    def _node(self) -> int:
        self._children.append({})
        return len(self._children) - 1

    def _add(self, root: int, sequences: Sequence[Sequence[int]], end: int) -> None:
        for sequence in sequences:
            node = root
            for token in sequence[:-1]:
                following = self._children[node].get(token)
                if following is None or following == end:
                    following = self._node()
                    self._children[node][token] = following
                node = following
            self._children[node][sequence[-1]] = end

    def _add_free(self, chat: Chat, calls: Sequence[Sequence[int]], limit: int) -> None:
        if limit < 1:
            raise InvalidPolicy(f"policy.max_thought_tokens={limit}: a free thought needs at least 1")
        close = chat.ids("<channel|>")[-1]
        root = self._node()
        self._add(root, calls, DONE)
        opening = chat.ids("<|channel>thought\n")
        first = len(self._children) + len(opening) - 1
        self._add(0, [opening], first)
        self._free_first, self._free_last = first, first + limit
        for _ in range(limit + 1):
            self._children[self._node()][close] = root

    def _is_free(self, state: int) -> bool:
        return self._free_first <= state < self._free_last

    def _build_masks(self, vocabulary: int) -> tuple[torch.Tensor, list[int]]:
        rows: list[torch.Tensor] = []
        known: dict[tuple[int, ...] | str, int] = {}
        classes = []
        for state, children in enumerate(self._children):
            key: tuple[int, ...] | str = "free" if self._is_free(state) else tuple(sorted(children))
            if key not in known:
                known[key] = len(rows)
                mask = torch.zeros(vocabulary, dtype=torch.bool)
                if key == "free":
                    mask[:] = True
                    mask[_special_ids(self.tokenizer)] = False
                mask[list(children)] = True
                rows.append(mask)
            classes.append(known[key])
        return torch.stack(rows), classes


def _special_ids(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Every special token: image placeholders without an image would break the model's forward pass."""
    added = {int(index) for index, token in tokenizer.added_tokens_decoder.items() if token.special}
    return sorted(added | {int(index) for index in tokenizer.all_special_ids})


def legal_logprobs(
    logits: torch.Tensor, classes: torch.Tensor, masks: torch.Tensor, temperature: float
) -> torch.Tensor:
    """Log-probabilities (..., vocabulary) of `logits` over legal tokens only; `classes` (...) index rows of `masks`.

    Illegal tokens get -inf. Computed in float32 whatever the logits are.
    """
    scaled = logits.float() / (temperature if temperature > 0.0 else 1.0)
    legal = torch.nn.functional.pad(masks, (0, logits.shape[-1] - masks.shape[-1]))[classes]
    return torch.log_softmax(scaled.masked_fill(~legal, float("-inf")), dim=-1)
