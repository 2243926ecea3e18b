"""SpeechBrain's layers behind ESPnet's input layer, so that nothing but the layers differs."""

import sys
from contextlib import redirect_stderr
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

import torch

from espnet_recursive.recursion.shape import RecursionShape

from .rows import Unavailable, row_conf, stock


class SpeechBrainEncoder(torch.nn.Module):
    """ESPnet's conv2d input layer, then SpeechBrain's Transformer or Branchformer encoder.

    Args:
        embed: The input layer: (B, T, 80) and (B, 1, T) to (B, T', D) and (B, 1, T').
        layers: SpeechBrain's encoder, with its final norm.
        positions: What makes relative positions of the states; None where `embed` adds them.
    """

    def __init__(
        self, embed: torch.nn.Module, layers: torch.nn.Module, positions: torch.nn.Module | None
    ) -> None:
        super().__init__()
        self.embed, self.encoders, self.positions = embed, layers, positions

    def forward(self, xs_pad: torch.Tensor, ilens: torch.Tensor) -> tuple[Any, ...]:
        """Encode; return (B, T', D), (B,) and None, as ESPnet does."""
        frames = torch.arange(xs_pad.shape[1], device=xs_pad.device)
        states, masks = self.embed(xs_pad, (frames < ilens[:, None])[:, None])
        embedded = None
        if self.positions is not None:
            states, embedded = states[0], self.positions(states[0])
        # Where no utterance is padded, ESPnet's layers have a mask too.
        out, *_ = self.encoders(states, src_key_padding_mask=~masks[:, 0], pos_embs=embedded)
        return out, masks.sum((1, 2)), None


def speechbrain(folder: Path, row: str, conf: dict[str, Any]) -> torch.nn.Module:
    """SpeechBrain's encoder with as many layers as a row executes, and the row's dimensions.

    Raises:
        Unavailable: If SpeechBrain is not installed, or has no such architecture.
    """
    name, own = row_conf(folder, row)
    layers = RecursionShape.from_conf(own).executed_blocks
    embed: Any = stock(folder, row, {"num_blocks": 1}).embed
    common = {
        "num_layers": layers,
        "d_model": own["output_size"],
        "nhead": own["attention_heads"],
        "dropout": own["dropout_rate"],
    }
    try:
        if name == "latent_recursive_transformer":
            encoder = _module("lobes.models.transformer.Transformer").TransformerEncoder(
                d_ffn=own["linear_units"], normalize_before=True, **common
            )
            return SpeechBrainEncoder(embed, encoder, None)
        if name == "latent_recursive_branchformer":
            encoder = _module("lobes.models.transformer.Branchformer").BranchformerEncoder(
                csgu_linear_units=own["cgmlp_linear_units"],
                kernel_size=own["cgmlp_conv_kernel"],
                **common,
            )
            positions = _module("nnet.attention").RelPosEncXL(own["output_size"])
            return SpeechBrainEncoder(embed, encoder, positions)
    except ImportError as error:
        raise Unavailable(f"SpeechBrain cannot be imported: {error}") from error
    raise Unavailable(f"there is no counterpart of {name} here")


def _module(name: str) -> Any:
    """Import a module of SpeechBrain without what it says on its way."""
    if "speechbrain" in sys.modules:
        return import_module(f"speechbrain.{name}")
    with redirect_stderr(StringIO()):
        return import_module(f"speechbrain.{name}")
