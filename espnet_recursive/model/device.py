"""Devices that torch can use on this machine."""

import torch

from espnet_recursive.errors import UserError


def usable_device(name: str) -> str:
    """The device of a name, as torch spells it.

    Args:
        name: "cpu"; "cuda" or "cuda:1", an NVIDIA or AMD GPU; "mps", that of an Apple computer; or
            "auto", the first of cuda, mps and cpu that there is.

    Raises:
        UserError: If there is no such device.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    kind, colon, number = name.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (
        colon and not (kind == "cuda" and number.isdecimal())
    ):
        raise UserError(f"--device {name}: expected auto, cpu, cuda, cuda:0, cuda:1, ..., or mps")
    if kind == "cuda" and not torch.cuda.is_available():
        raise UserError(
            f"--device {name}: PyTorch can use no GPU on this machine. Take --device auto or cpu."
        )
    if number and int(number) >= (count := torch.cuda.device_count()):
        raise UserError(
            f"--device {name}: this machine has {count} GPUs, cuda:0 to cuda:{count - 1}"
        )
    if kind == "mps" and not torch.backends.mps.is_available():
        raise UserError(f"--device {name}: it is for Apple's GPUs. Take --device auto or cpu.")
    return name
