"""Input layers that ESPnet does not have: narrower convolutions, and those of the paper's toolkit.

Both keep the names of ESPnet's ``conv2d`` layers, ``embed.conv`` and ``embed.out``, and its
positional encoding.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from espnet2.legacy.nets.pytorch_backend.transformer.subsampling import (
    Conv2dSubsampling,
    TooShortUttError,
    check_short_utt,
)

from espnet_recursive.asr.encoder.conf_checks import EncoderConfError
from espnet_recursive.errors import is_integer

#: ESPnet's input layers of convolutions over time and frequency.
CONV2D = ("conv2d", "conv2d1", "conv2d2", "conv2d6", "conv2d8")
#: The front end that SpeechBrain's recipes have, on which the paper builds.
SPEECHBRAIN = "conv2d_speechbrain"


class FrameNorm(torch.nn.LayerNorm):
    """A layer norm over the bands and channels of each frame.

    Args:
        bands: F.
        channels: C.
    """

    #: What `Conv2dInParts` asks: no frame depends on another.
    per_frame: ClassVar[bool] = True

    def __init__(self, bands: int, channels: int) -> None:
        super().__init__((bands, channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Args: x (B, C, T, F). Returns: the same size."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class SpeechBrainSubsampling(Conv2dSubsampling):
    """Three blocks of convolution, layer norm, leaky ReLU and dropout, to 1/4 length.

    Kernels 5, 5, 1 and strides 2, 2, 1 in time and frequency. The bands are padded as in
    SpeechBrain, by reflection; time is not padded, as in ESPnet's input layers, so that an
    utterance does not depend on what pads it. So T frames become ((T - 5) // 2 - 4) // 2 + 1.

    Source: ``ConvolutionFrontEnd`` of SpeechBrain with the values of its LibriSpeech recipes.

    Args:
        idim: F, the bands of the features.
        odim: D.
        channels: Of each block; 64 in SpeechBrain.
        dropout_rate: Dropout at the end of each block.
        pos_enc: ESPnet's positional encoding.
    """

    CHANNELS: ClassVar[int] = 64
    KERNELS: ClassVar[tuple[int, ...]] = (5, 5, 1)
    STRIDES: ClassVar[tuple[int, ...]] = (2, 2, 1)
    #: Padding by reflection needs more bands than it adds on a side, in the second block too.
    FEWEST_BANDS: ClassVar[int] = 5
    #: The fewest frames that make one: 1 + 4 + 2 * 4.
    shortest_input: ClassVar[int] = 13

    def __init__(
        self, idim: int, odim: int, channels: int, dropout_rate: float, pos_enc: torch.nn.Module
    ) -> None:
        # Not ESPnet's, whose convolutions are others.
        super(Conv2dSubsampling, self).__init__()
        layers: list[torch.nn.Module] = []
        inputs, bands = 1, idim
        for kernel, stride in zip(self.KERNELS, self.STRIDES, strict=True):
            conv = torch.nn.Conv2d(
                inputs,
                channels,
                kernel,
                stride,
                padding=(0, kernel // 2),
                padding_mode="reflect" if kernel > 1 else "zeros",
            )
            layers.append(conv)
            inputs, bands = channels, (bands - 1) // stride + 1
            layers += [FrameNorm(bands, channels), torch.nn.LeakyReLU()]
            layers.append(torch.nn.Dropout(dropout_rate))
        self.conv = torch.nn.Sequential(*layers)
        self.out = torch.nn.Linear(channels * bands, odim)
        self.pos_enc = pos_enc

    def forward(self, x: torch.Tensor, x_mask: torch.Tensor | None) -> tuple[Any, Any]:
        """Subsample.

        Args:
            x: (B, T, F).
            x_mask: (B, 1, T) bool, True in the utterance; None for none.

        Returns:
            (B, T', D), or a tuple of it and relative positions, and (B, 1, T').
        """
        out, _ = super().forward(x, None)
        if x_mask is None:
            return out, None
        lengths = x_mask.sum(-1)
        for kernel, stride in zip(self.KERNELS, self.STRIDES, strict=True):
            lengths = torch.div(lengths - kernel, stride, rounding_mode="floor") + 1
        states = out[0] if isinstance(out, tuple) else out
        frames = torch.arange(states.size(1), device=x_mask.device)
        return out, (frames < lengths).unsqueeze(1)


def check_input_layer(conf: Mapping[str, Any]) -> None:
    """Refuse an input layer that cannot be.

    Args:
        conf: All options of the encoder with their values, defaults included.

    Raises:
        EncoderConfError: Naming the key and what it may be.
    """
    channels, layer, size = (conf[k] for k in ("input_channels", "input_layer", "input_size"))
    if channels is not None:
        if not is_integer(channels, least=1):
            raise EncoderConfError(
                f"input_channels must be an integer of 1 or more, not {channels!r}"
            )
        if layer not in (*CONV2D, SPEECHBRAIN):
            raise EncoderConfError(
                f"input_channels is the width of the convolutions of input_layer "
                f"{', '.join((*CONV2D, SPEECHBRAIN))}, and input_layer={layer!r} has none: leave "
                "it out"
            )
    if layer == SPEECHBRAIN and is_integer(size) and size < SpeechBrainSubsampling.FEWEST_BANDS:
        raise EncoderConfError(
            f"input_layer={SPEECHBRAIN} needs features of {SpeechBrainSubsampling.FEWEST_BANDS} "
            f"dimensions or more, not {size}"
        )


def stock_input_layer(conf: Mapping[str, Any]) -> dict[str, Any]:
    """The options of an input layer that ESPnet can build, in whose place ours comes."""
    return {"input_layer": "conv2d"} if conf.get("input_layer") == SPEECHBRAIN else {}


def is_stock(conf: Mapping[str, Any], output_size: int) -> bool:
    """Whether ESPnet alone can build the input layer of an ``encoder_conf``."""
    channels = conf.get("input_channels")
    return conf.get("input_layer") != SPEECHBRAIN and channels in (None, output_size)


def fit_input_layer(encoder: Any, conf: Mapping[str, Any]) -> None:
    """Give an encoder the input layer that its options ask for.

    Args:
        encoder: The encoder, with ESPnet's input layer.
        conf: All options of the encoder with their values, defaults included.
    """
    size, channels = encoder.output_size(), conf["input_channels"]
    if is_stock(conf, size):
        return
    embed = encoder.embed
    if conf["input_layer"] == SPEECHBRAIN:
        encoder.embed = SpeechBrainSubsampling(
            conf["input_size"],
            size,
            channels or SpeechBrainSubsampling.CHANNELS,
            conf["dropout_rate"],
            embed.pos_enc,
        )
        return
    bands = embed.out.in_features // size
    layers: list[Any] = []
    inputs = 1
    for layer in embed.conv:
        if isinstance(layer, torch.nn.Conv2d):
            how: Any = layer.kernel_size, layer.stride
            layers.append(torch.nn.Conv2d(inputs, channels, *how))
            inputs = channels
        else:
            layers.append(layer)
    embed.conv = torch.nn.Sequential(*layers)
    embed.out = torch.nn.Linear(channels * bands, size)


def shortest_input(encoder: Any) -> int:
    """The fewest frames that the input layer of an encoder accepts."""
    own = getattr(encoder.embed, "shortest_input", None)
    if own is not None:
        return own
    short, limit = check_short_utt(encoder.embed, 0)
    return limit if short else 1


def check_frames(embed: Any, xs_pad: torch.Tensor) -> None:
    """Refuse what is too short for an input layer of ours; ESPnet's forward method knows its own.

    Args:
        embed: The input layer.
        xs_pad: (B, T, F).

    Raises:
        TooShortUttError: As ESPnet raises it.
    """
    least = getattr(embed, "shortest_input", 0)
    if xs_pad.size(1) < least:
        raise TooShortUttError(
            f"has {xs_pad.size(1)} frames and is too short for subsampling "
            f"(it needs {least} frames or more), return empty results",
            xs_pad.size(1),
            least,
        )
