"""The libraries of ONNX, which only this room needs."""

from importlib.util import find_spec

from espnet_recursive.errors import UserError

_NEEDED = ("onnx", "onnxruntime")


def check_libraries() -> None:
    """Refuse to start without them.

    Raises:
        UserError: Naming what is missing and how to install it.
    """
    if missing := [name for name in _NEEDED if find_spec(name) is None]:
        raise UserError(
            f"{', '.join(missing)}: not installed, but needed for ONNX. "
            "Install what export needs: pip install 'espnet_recursive[onnx]', "
            f"or pip install {' '.join(missing)}"
        )
