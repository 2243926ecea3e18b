"""Recognising speech with an exported recogniser, with neither torch nor ESPnet."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from espnet_recursive.onnx_recognizer.recognizer import OnnxRecognizer as OnnxRecognizer


def __getattr__(name: str) -> Any:
    """Import onnxruntime where the recogniser is asked for, and not where a help is."""
    if name == "OnnxRecognizer":
        from espnet_recursive.onnx_recognizer.recognizer import OnnxRecognizer

        return OnnxRecognizer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
