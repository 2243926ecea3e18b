"""How an encoder is set up beyond its architecture: attention, precision, compiler, optimiser."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch

from .rows import Unavailable
from .work import Encoder

INFERENCE, TRAINING = "inference", "training"


@dataclass(frozen=True)
class Setting:
    """A setting of an encoder.

    Attributes:
        name: What tables call it.
        precision: "float32", "bfloat16" or "int8".
        conf: Options in its encoder_conf.
        finish: What is done to the built encoder, once, before it works.
        autocast: Whether it runs under torch's autocast to its precision.
        adam: Options of Adam, as in ESPnet's optim_conf.
        kinds: The work that it is for.
        devices: The devices that it is for.
    """

    name: str
    precision: str = "float32"
    conf: Mapping[str, Any] = field(default_factory=dict, hash=False)
    finish: Callable[[Any], Any] | None = None
    autocast: bool = False
    adam: Mapping[str, Any] = field(default_factory=dict, hash=False)
    kinds: tuple[str, ...] = (INFERENCE, TRAINING)
    devices: tuple[str, ...] = ("cpu", "cuda")

    def apply(self, module: torch.nn.Module, kind: str) -> Encoder:
        """Set up a module that was built with `conf`."""
        if kind == INFERENCE:
            module.eval()
        finished = module if self.finish is None else self.finish(module)
        dtype = getattr(torch, self.precision) if self.autocast else None
        return Encoder(finished, dtype, dict(self.adam))


def check_available(setting: Setting, device: str) -> None:
    """Refuse a setting that this machine has no arithmetic or library for.

    Raises:
        Unavailable: With the reason.
    """
    if device not in setting.devices:
        raise Unavailable(f"not for {device}")
    if setting.precision == "bfloat16" and device == "cpu":
        # Without such instructions torch multiplies in a plain loop, hundreds of times slower.
        if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
            raise Unavailable("this CPU has no instructions for bfloat16")
    if setting.conf.get("use_flash_attn") and find_spec("flash_attn") is None:
        raise Unavailable("flash-attn is not installed")


def compile_layers(encoder: Any) -> Any:
    """Compile each layer for any length; equal layers share the code."""
    for layer in encoder.encoders.children():
        layer.compile(dynamic=True)
    return encoder


def whole_bfloat16(encoder: Any) -> Any:
    """Weights and activations in bfloat16, as ``Speech2Text(dtype="bfloat16")`` has them."""
    encoder.register_forward_pre_hook(lambda _, args: (args[0].bfloat16(), *args[1:]))
    return encoder.bfloat16()


def compiled_bfloat16(encoder: Any) -> Any:
    """The same, compiled."""
    return compile_layers(whole_bfloat16(encoder))


def dynamic_int8(encoder: Any) -> Any:
    """Linear layers in int8, as ``Speech2Text(quantize_asr_model=True)`` has them."""
    return torch.ao.quantization.quantize_dynamic(encoder, {torch.nn.Linear}, dtype=torch.qint8)


def prepare(precision: str, encoder: Any) -> Any:
    """Prepare a recursive encoder for inference, once."""
    try:
        module = import_module("espnet_recursive.speed.prepared")
    except ModuleNotFoundError as error:
        raise Unavailable(f"there is no {error.name}") from error
    return module.prepare_for_inference(encoder, precision=precision)


_SDPA = {"use_sdpa": True, "use_flash_attn": False}
_FUSED = {"fused": True}

#: ESPnet's own: as it comes, and everything that it or torch offers to make it faster.
STOCK = (
    Setting("defaults", conf={"use_sdpa": False}),
    Setting("SDPA", conf=_SDPA),
    Setting("SDPA, compiled", conf=_SDPA, finish=compile_layers, kinds=(INFERENCE,)),
    Setting("SDPA, fused Adam", conf=_SDPA, adam=_FUSED, kinds=(TRAINING,)),
    Setting(
        "SDPA, fused Adam, compiled", conf=_SDPA, adam=_FUSED, finish=compile_layers,
        kinds=(TRAINING,),
    ),
    Setting("autocast, defaults", "bfloat16", {"use_sdpa": False}, autocast=True,
            kinds=(TRAINING,), devices=("cuda",)),
    Setting("autocast", "bfloat16", _SDPA, autocast=True),
    Setting("autocast, fused Adam", "bfloat16", _SDPA, autocast=True, adam=_FUSED,
            kinds=(TRAINING,)),
    Setting("autocast, compiled", "bfloat16", _SDPA, compile_layers, autocast=True, adam=_FUSED),
    Setting("flash attention", "bfloat16", {"use_flash_attn": True}, autocast=True, adam=_FUSED,
            devices=("cuda",)),
    Setting("bf16 weights", "bfloat16", _SDPA, whole_bfloat16, kinds=(INFERENCE,)),
    Setting("bf16 weights, compiled", "bfloat16", _SDPA, compiled_bfloat16, kinds=(INFERENCE,)),
    Setting("dynamic int8", "int8", _SDPA, dynamic_int8, kinds=(INFERENCE,), devices=("cpu",)),
)  # fmt: skip

#: Ours: as the row is configured, and its own ways to be faster or smaller.
OURS = (
    Setting("as configured"),
    Setting("compile", conf={"compile": True}),
    Setting("prepared", finish=partial(prepare, "float32"), kinds=(INFERENCE,)),
    Setting("prepared, compile", conf={"compile": True}, finish=partial(prepare, "float32"),
            kinds=(INFERENCE,)),
    Setting("fused Adam", adam=_FUSED, kinds=(TRAINING,)),
    Setting("compile, fused Adam", conf={"compile": True}, adam=_FUSED, kinds=(TRAINING,)),
    Setting("checkpoint_loops", conf={"checkpoint_loops": True}, kinds=(TRAINING,)),
    Setting("autocast, defaults", "bfloat16", {"use_sdpa": False}, autocast=True,
            kinds=(TRAINING,), devices=("cuda",)),
    Setting("autocast", "bfloat16", autocast=True, adam=_FUSED),
    Setting("autocast, compile", "bfloat16", {"compile": True}, autocast=True, adam=_FUSED),
    Setting("autocast, checkpoint_loops", "bfloat16", {"checkpoint_loops": True}, autocast=True,
            adam=_FUSED, kinds=(TRAINING,)),
    Setting("prepared", "bfloat16", {}, partial(prepare, "bfloat16"), kinds=(INFERENCE,)),
    Setting("prepared, compile", "bfloat16", {"compile": True}, partial(prepare, "bfloat16"),
            kinds=(INFERENCE,)),
    Setting("prepared", "int8", {}, partial(prepare, "int8"), kinds=(INFERENCE,),
            devices=("cpu",)),
    Setting("prepared, compile", "int8", {"compile": True}, partial(prepare, "int8"),
            kinds=(INFERENCE,), devices=("cpu",)),
)  # fmt: skip

#: SpeechBrain's has one attention and no switches.
SPEECHBRAIN = (
    Setting("defaults"),
    Setting("fused Adam", adam=_FUSED, kinds=(TRAINING,)),
    Setting("autocast", "bfloat16", autocast=True, adam=_FUSED),
    Setting("dynamic int8", "int8", finish=dynamic_int8, kinds=(INFERENCE,), devices=("cpu",)),
)
