"""Depth-recursive speech encoders for ESPnet.

Importing this package adds the encoders named in :data:`espnet_recursive.registry.ENCODERS`
to every ESPnet task that takes an encoder, once. Neither torch nor ESPnet is imported until
one of those tasks is, or ``espnet_recursive.Speech2Text`` is asked for.
"""

from typing import TYPE_CHECKING, Any

from espnet_recursive.errors import end_quietly_on_ctrl_c

end_quietly_on_ctrl_c()  # before imports that take time

from espnet_recursive.asr.loop_stats import log_loops  # noqa: E402
from espnet_recursive.asr.trainer_epoch import tell_epochs  # noqa: E402
from espnet_recursive.registry import import_quietly, register  # noqa: E402

if TYPE_CHECKING:
    from espnet_recursive.publish.speech2text import Speech2Text as Speech2Text

__version__ = "0.1.0"

register()
log_loops()
tell_epochs()


def __getattr__(name: str) -> Any:
    """Import ESPnet's recogniser for inference, with our checks, where it is asked for."""
    if name == "Speech2Text":
        return import_quietly("espnet_recursive.publish.speech2text").Speech2Text
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
