"""Key/value caches of single episodes, assembled into a batch for a decision and taken apart after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import DynamicCache


@dataclass(frozen=True)
class EpisodeCache:
    """Keys and values (heads, length, width) per caching layer of one conversation; no holes, positions 0..length-1."""

    keys: tuple[torch.Tensor, ...] = ()
    values: tuple[torch.Tensor, ...] = ()

    @property
    def length(self) -> int:
        """Tokens held."""
        return self.keys[0].shape[1] if self.keys else 0


class BatchCache:
    """Several `EpisodeCache`s side by side, ragged ones aligned at their ends, and the slots that are fed after them.

    Every layer keeps the whole conversation and sliding windows are a matter of masks: transformers' own sliding
    layers crop by slot, which is wrong as soon as a row has holes.
    """

    def __init__(self, rows: Sequence[EpisodeCache], device: torch.device) -> None:
        lengths = [row.length for row in rows]
        longest = max(lengths)
        # DynamicCache() without a config makes plain layers, that grow and never crop.
        self.cache = DynamicCache()
        self.positions = torch.full((len(rows), longest), -1, dtype=torch.long, device=device)
        for index, length in enumerate(lengths):
            self.positions[index, longest - length :] = torch.arange(length, device=device)
        layers = max(len(row.keys) for row in rows)
        for layer in range(layers):
            example = next(row.keys[layer] for row in rows if row.keys)
            heads, _, width = example.shape
            keys = example.new_zeros((len(rows), heads, longest, width))
            values = torch.zeros_like(keys)
            for index, row in enumerate(rows):
                if row.keys:
                    keys[index, :, longest - row.length :] = row.keys[layer]
                    values[index, :, longest - row.length :] = row.values[layer]
            self.cache.update(keys, values, layer)

    @classmethod
    def repeat(cls, row: EpisodeCache, count: int, device: torch.device) -> BatchCache:
        """`count` rows that all begin with `row`, without copies: gradients flow back into it once."""
        batch = cls([EpisodeCache()] * count, device)
        batch.positions = torch.arange(row.length, device=device).expand(count, -1)
        for layer, (keys, values) in enumerate(zip(row.keys, row.values, strict=True)):
            batch.cache.update(keys.expand(count, -1, -1, -1), values.expand(count, -1, -1, -1), layer)
        return batch

    def extend(self, chunks: Sequence[Sequence[int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Slots for the next tokens of each row: ids and positions (rows, longest chunk), holes on the left.

        Holes have position -1 and token `pad`.
        """
        width = max(len(chunk) for chunk in chunks)
        device = self.positions.device
        ids = torch.full((len(chunks), width), pad, dtype=torch.long)
        positions = torch.full((len(chunks), width), -1, dtype=torch.long)
        if self.positions.shape[1]:
            ends = (self.positions.max(dim=1).values + 1).tolist()
        else:
            ends = [0] * len(chunks)
        for index, chunk in enumerate(chunks):
            if chunk:
                ids[index, width - len(chunk) :] = torch.tensor(chunk)
                positions[index, width - len(chunk) :] = torch.arange(ends[index], ends[index] + len(chunk))
        positions = positions.to(device)
        self.positions = torch.cat([self.positions, positions], dim=1)
        return ids.to(device), positions

    def masks(
        self, queries: torch.Tensor, window: int | None, image: torch.Tensor | None = None
    ) -> dict[str, torch.Tensor]:
        """Which slot each query (rows, n) sees, bool (rows, 1, n, slots), for both of Gemma's layer types.

        A hole sees everything, itself included: what it computes is finite and nobody looks at it. `image` (rows, n),
        for models whose sliding layers attend both ways within an image, tells which queries are the one of this feed.
        """
        keys = self.positions[:, None, :]
        asks = queries[:, :, None]
        full = (keys >= 0) & (keys <= asks)
        sliding = full
        if image is not None:
            block = torch.nn.functional.pad(image, (keys.shape[-1] - image.shape[-1], 0))
            sliding = full | (image[:, :, None] & block[:, None, :])
        if window:
            sliding = sliding & (asks - keys < window)
        hole = asks < 0
        return {"full_attention": (full | hole)[:, None], "sliding_attention": (sliding | hole)[:, None]}

    def split(self) -> list[EpisodeCache]:
        """One cache per row, holes removed."""
        rows = []
        for index in range(self.positions.shape[0]):
            kept = self.positions[index] >= 0
            keys = tuple(layer.keys[index][:, kept].clone() for layer in self.cache.layers)
            values = tuple(layer.values[index][:, kept].clone() for layer in self.cache.layers)
            rows.append(EpisodeCache(keys, values))
        return rows
