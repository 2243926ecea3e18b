"""Depth-recursive speech encoders for ESPnet.

Importing this package adds the encoders named in :data:`espnet_recursive.registry.ENCODERS`
to every ESPnet task that takes an encoder, once. Neither torch nor ESPnet is imported until
one of those tasks is, or a name of this module that needs them is asked for: the encoders' classes,
``load_encoder``, ``Speech2Text`` and ``pipeline``.
"""

from typing import TYPE_CHECKING, Any

from espnet_recursive.errors import end_quietly_on_ctrl_c

end_quietly_on_ctrl_c()  # before imports that take time

from espnet_recursive.asr.loop_stats import log_loops  # noqa: E402
from espnet_recursive.asr.trainer_epoch import tell_epochs  # noqa: E402
from espnet_recursive.registry import ENCODERS, import_quietly, register  # noqa: E402

if TYPE_CHECKING:
    from espnet_recursive.asr.encoder.latent_recursive_branchformer_encoder import (
        LatentRecursiveBranchformerEncoder,
    )
    from espnet_recursive.asr.encoder.latent_recursive_conformer_encoder import (
        LatentRecursiveConformerEncoder,
    )
    from espnet_recursive.asr.encoder.latent_recursive_e_branchformer_encoder import (
        LatentRecursiveEBranchformerEncoder,
    )
    from espnet_recursive.asr.encoder.latent_recursive_transformer_encoder import (
        LatentRecursiveTransformerEncoder,
    )
    from espnet_recursive.model.load_encoder import load_encoder
    from espnet_recursive.publish.speech2text import Speech2Text
    from espnet_recursive.transcription.pipeline import pipeline

__version__ = "0.1.0"
#: The address of the repository, which its owner sets here, and nowhere else: metadata, model cards
#: and the messages about versions take it from here. Empty while there is none.
__url__ = ""

__all__ = [
    "LatentRecursiveBranchformerEncoder",
    "LatentRecursiveConformerEncoder",
    "LatentRecursiveEBranchformerEncoder",
    "LatentRecursiveTransformerEncoder",
    "Speech2Text",
    "load_encoder",
    "pipeline",
]

#: Names that are imported where they are asked for -> their modules.
_MODULES = {name: module for module, name in ENCODERS.values()} | {
    "Speech2Text": "espnet_recursive.publish.speech2text",
    "load_encoder": "espnet_recursive.model.load_encoder",
    "pipeline": "espnet_recursive.transcription.pipeline",
}

register()
log_loops()
tell_epochs()


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_quietly(_MODULES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
