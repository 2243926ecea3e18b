"""What the asr.sh of an ESPnet clone takes for granted of the commands that it runs.

Its stage 12 decodes with ``espnet2.bin.asr_inference``, which knows no depth, and its stage 14
packs the folder ``images`` of an experiment, which a training with ``use_matplotlib: false`` does
not make.
"""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import wrapt

#: Commands of ESPnet -> ours in their place, which take all of their options and more.
OURS = {"espnet2.bin.asr_inference": "espnet_recursive.bin.asr_inference"}


def make_folder_of_images() -> None:
    """Have every training of this process leave a folder ``images``, empty if it draws nothing."""
    wrapt.register_post_import_hook(_wrap_trainer, "espnet2.train.trainer")


def _wrap_trainer(trainer: ModuleType) -> None:
    wrapt.wrap_function_wrapper(trainer, "Trainer.run", _run)


def _run(run: Callable[..., None], _cls: Any, args: tuple[Any, ...], kwargs: Any) -> None:
    run(*args, **kwargs)
    Path(kwargs["trainer_options"].output_dir, "images").mkdir(exist_ok=True)
