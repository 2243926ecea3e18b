"""Recognising speech with an exported recogniser, with neither torch nor ESPnet."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from espnet_recursive.onnx_recognizer.beam_search import BeamOptions as BeamOptions
    from espnet_recursive.onnx_recognizer.recognizer import OnnxRecognizer as OnnxRecognizer

_MODULES = {"OnnxRecognizer": "recognizer", "BeamOptions": "beam_search"}


def __getattr__(name: str) -> Any:
    """Import onnxruntime where the recogniser is asked for, and not where a help is."""
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
