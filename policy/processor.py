"""Gemma 4's processor: the tokenizer, the image processor and the chat template, with and without torchvision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import transformers
import trl
from transformers import AutoTokenizer, PreTrainedTokenizerBase
from transformers.models.gemma4.feature_extraction_gemma4 import Gemma4AudioFeatureExtractor
from transformers.models.gemma4.image_processing_pil_gemma4 import Gemma4ImageProcessorPil
from transformers.models.gemma4.processing_gemma4 import Gemma4Processor
from transformers.utils import is_torchvision_available
from transformers.video_processing_utils import BaseVideoProcessor

from policy.errors import PolicyLoadError

# Of the templates that TRL ships only the fifth revision is current and puts images of tool responses into the text.
CHAT_TEMPLATE = "gemma4_v5.jinja"
SOFT_TOKENS = (70, 140, 280, 560, 1120)


class _NoVideoProcessor(BaseVideoProcessor):
    """Fills the processor's video slot: driving sends frames one by one."""


class GemmaProcessor(Gemma4Processor):
    """`Gemma4Processor` for machines without torchvision, which its video processor needs."""

    def check_argument_for_proper_class(self, argument_name: str, argument: Any) -> Any:
        """As the parent's, but any video processor will do."""
        if argument_name == "video_processor":
            return type(argument)
        return super().check_argument_for_proper_class(argument_name, argument)

    def save_pretrained(self, save_directory: Any, **options: Any) -> Any:
        """As the parent's, under the names of the classes that transformers knows."""
        written = super().save_pretrained(save_directory, **options)
        for name in ("processor_config.json", "tokenizer_config.json"):
            path = Path(save_directory) / name
            text = path.read_text("utf-8").replace('"GemmaProcessor"', '"Gemma4Processor"')
            path.write_text(text.replace('"_NoVideoProcessor"', '"Gemma4VideoProcessor"'), "utf-8")
        return written


def chat_template() -> str:
    """The text of Gemma 4's chat template, from the TRL package."""
    return (Path(trl.__file__).parent / "chat_templates" / CHAT_TEMPLATE).read_text("utf-8")


def build_processor(
    tokenizer: PreTrainedTokenizerBase, max_soft_tokens: int, patch_size: int = 16, pooling: int = 3
) -> Gemma4Processor:
    """A processor around `tokenizer`; frames become at most `max_soft_tokens` tokens of `pooling`**2 patches."""
    if max_soft_tokens not in SOFT_TOKENS:
        raise PolicyLoadError(f"policy.max_soft_tokens={max_soft_tokens}: choose one of {SOFT_TOKENS}")
    images = Gemma4ImageProcessorPil(
        max_soft_tokens=max_soft_tokens, patch_size=patch_size, pooling_kernel_size=pooling
    )
    return GemmaProcessor(
        feature_extractor=Gemma4AudioFeatureExtractor(),
        image_processor=images,
        tokenizer=tokenizer,
        video_processor=_NoVideoProcessor(),
        chat_template=chat_template(),
        image_seq_length=max_soft_tokens,
    )


def load_processor(source: str, revision: str, max_soft_tokens: int, vision: Any) -> Gemma4Processor:
    """The processor of a checkpoint folder or hub id; `vision` is its Gemma4VisionConfig.

    Built from the tokenizer and the vision config in either case: without torchvision `AutoProcessor` silently returns
    a bare tokenizer, and both ways give the same patches and token counts.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, revision=revision or None)
    except Exception as error:  # the tokenizers library raises bare Exceptions for damaged files
        raise PolicyLoadError(f"policy.model={source}: no tokenizer there ({_first_line(error)})") from None
    if not hasattr(tokenizer, "image_token_id"):
        raise PolicyLoadError(f"policy.model={source}: its tokenizer has no image token; Gemma 4's is needed")
    return build_processor(tokenizer, max_soft_tokens, vision.patch_size, vision.pooling_kernel_size)


def versions() -> dict[str, str]:
    """Versions that decide what a processor does."""
    return {
        "transformers": transformers.__version__,
        "trl": trl.__version__,
        "torchvision": str(is_torchvision_available()),
    }


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
