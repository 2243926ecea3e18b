"""Checkpoints that appear whole or not at all, and trainings that can be killed at any moment.

ESPnet's trainer writes ``checkpoint.pth`` in place once an epoch, then ``<epoch>epoch.pth``, then
the links to the latest and best epochs. Killed in the middle of the first, a training cannot be
resumed; killed between the others, it resumes but fails at its very end, when the best epochs are
averaged and one of them is not there. Both are closed here, around the trainer, without changing
what it writes. Each file also gets the fingerprint of the training.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import wrapt

from espnet_recursive.errors import UserError, reason
from espnet_recursive.files.checkpoint_file import add_note, check_checksums
from espnet_recursive.files.read_yaml import read_yaml
from espnet_recursive.recipe.fingerprint import fingerprint_of


def keep_checkpoints_whole() -> None:
    """Make every training of this process write whole files and mend a killed one on resume."""
    wrapt.register_post_import_hook(_wrap_trainer, "espnet2.train.trainer")


@contextmanager
def whole_torch_save(note: str | None = None) -> Iterator[None]:
    """Let ``torch.save`` write beside its target and rename, so that no reader sees half a file.

    Args:
        note: A text to add to each file.
    """
    import torch

    save = torch.save

    def save_whole(obj: Any, f: Any, *args: Any, **kwargs: Any) -> None:
        if not isinstance(f, (str, Path)):
            save(obj, f, *args, **kwargs)
            return
        part = Path(f"{f}.part")
        save(obj, part, *args, **kwargs)
        if note is not None:
            add_note(part, note)
        os.replace(part, f)

    torch.save = save_whole
    try:
        yield
    finally:
        torch.save = save


def mend_experiment(output_dir: Path, best_model_criterion: Sequence[Sequence[str]]) -> None:
    """Write what a killed training did not get to write after its last whole checkpoint.

    Args:
        output_dir: An ESPnet experiment directory; nothing is done where it has no checkpoint.
        best_model_criterion: Triples (phase, name, "min" or "max"), as in the training options.

    Raises:
        UserError: If the checkpoint cannot be read.
    """
    import torch
    from espnet2.train.reporter import Reporter

    checkpoint = output_dir / "checkpoint.pth"
    if not checkpoint.exists():
        return
    try:
        check_checksums(checkpoint)
        states = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except Exception as error:
        raise UserError(
            f"{checkpoint} is no checkpoint that can be read ({reason(error).splitlines()[0]}). "
            "Delete it to train from the first epoch again, or to start from the weights of a "
            "finished one: --init_param <epoch>epoch.pth"
        ) from error
    reporter = Reporter()
    reporter.load_state_dict(states["reporter"])
    epoch = reporter.get_epoch()
    if not (output_dir / f"{epoch}epoch.pth").exists():
        torch.save(states["model"], output_dir / f"{epoch}epoch.pth")
    _link(output_dir / "latest.pth", f"{epoch}epoch.pth")
    for phase, name, mode in best_model_criterion:
        if reporter.has(phase, name):
            best = f"{reporter.get_best_epoch(phase, name, mode)}epoch.pth"
            if (output_dir / best).exists():
                _link(output_dir / f"{phase}.{name}.best.pth", best)


def _wrap_trainer(trainer: ModuleType) -> None:
    wrapt.wrap_function_wrapper(trainer, "Trainer.run", _run_whole)


def _run_whole(run: Callable[..., None], _cls: Any, args: tuple[Any, ...], kwargs: Any) -> None:
    options, distributed = kwargs["trainer_options"], kwargs["distributed_option"]
    first = not distributed.distributed or distributed.dist_rank == 0
    # The process that saves has written config.yaml before.
    config = Path(options.output_dir) / "config.yaml"
    with whole_torch_save(_note(config) if first and config.exists() else None):
        if options.resume and first:
            mend_experiment(Path(options.output_dir), options.best_model_criterion)
        run(*args, **kwargs)


def _note(config: Path) -> str:
    return fingerprint_of(read_yaml(config), with_data=True).as_text()


def _link(link: Path, target: str) -> None:
    if not (link.is_symlink() and os.readlink(link) == target):
        part = link.with_name(f"{link.name}.part")
        part.unlink(missing_ok=True)
        part.symlink_to(target)
        os.replace(part, link)
