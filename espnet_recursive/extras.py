"""Libraries that only some commands need, and the extra of this package that installs each."""

from espnet_recursive.errors import UserError

#: Extra -> the modules that it brings, as they are imported.
EXTRAS: dict[str, tuple[str, ...]] = {
    "espnet": ("espnet2", "espnet3", "espnet_model_zoo"),
    "recipe": ("dask", "dask_jobqueue", "distributed", "lhotse", "omniio", "scipy"),
    "onnx": ("onnx", "onnx_ir", "onnxruntime"),
    "corpora": ("datasets", "lhotse"),
    "lm": ("ctc_beam_decoder",),
    "transcribe": ("torchaudio",),
    "analysis": ("matplotlib", "scipy"),
    "whisper": ("transformers",),
}


class MissingLibrary(ModuleNotFoundError, UserError):
    """A library that is not installed, with the extra that brings it."""


def missing_library(error: ModuleNotFoundError) -> MissingLibrary | None:
    """What to say of a failed import.

    Args:
        error: Its exception.

    Returns:
        The exception to raise instead; None for modules that no extra brings.
    """
    extras = [extra for extra, modules in EXTRAS.items() if error.name in modules]
    if not extras:
        return None
    what = "ESPnet" if error.name == "espnet2" else error.name
    return MissingLibrary(
        f"This needs {what}, which is not installed here: "
        f"pip install 'espnet_recursive[{extras[0]}]'",
        name=error.name,
    )
