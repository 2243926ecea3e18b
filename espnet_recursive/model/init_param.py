"""Weights to start a training from (--init_param), looked at before hours go into it.

ESPnet copies them by name and shape. Whether a shape of so many tokens means the same tokens, it
does not know.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espnet_recursive.errors import UserError
from espnet_recursive.files.checkpoint_file import check_checksums
from espnet_recursive.recipe.fingerprint import fingerprint_of, read_fingerprint, tokens_of
from espnet_recursive.recipe.settings_differences import different_tokens, settings_differences

_LOG = logging.getLogger(__name__)

#: Parts of a model in which no dimension is that of the tokens.
_OF_SPEECH = ("frontend.", "specaug.", "normalize.", "preencoder.", "encoder.", "postencoder.")
#: Settings that make the features, and which of the data belong to them.
_FEATURES = ("input_size", "frontend", "frontend_conf", "normalize", "normalize_conf")
_STATISTICS = "normalize_conf.stats_file"


@dataclass(frozen=True)
class InitParam:
    """A value of --init_param, ``<path>:<source>:<target>:<excluded>,...``."""

    path: Path
    source: str = ""
    target: str = ""
    excluded: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "InitParam":
        """Read one, as ESPnet does."""
        path, source, target, excluded = (*text.split(":", 3), "", "", "")[:4]
        return cls(Path(path), source, target, tuple(name for name in excluded.split(",") if name))

    def excluding(self, names: list[str]) -> str:
        """The same without further names."""
        excluded = ",".join((*self.excluded, *names))
        return f"{self.path}:{self.source}:{self.target}:{excluded}"

    def copied(self, names: Mapping[str, Any]) -> Iterator[str]:
        """The names of a checkpoint that are copied."""
        for name in names:
            if name.startswith(self.source) and not name.startswith(self.excluded):
                yield name


def check_init_param(options: Mapping[str, Any]) -> None:
    """Refuse weights to start from that are damaged, or whose tokens are others than those here.

    Other features are told in the log: a training may get used to them.

    Args:
        options: ESPnet's options of the training.

    Raises:
        UserError: Naming the file, what is wrong with it, and the remedy.
    """
    for text in options.get("init_param") or []:
        _check(InitParam.parse(text), options)


def _check(init: InitParam, options: Mapping[str, Any]) -> None:
    # Imports torch, which not every command that reads options needs.
    from espnet_recursive.model.stored_weights import check_values, read_weights

    if not init.path.is_file():
        raise UserError(f"--init_param {init.path}: there is no such file.")
    check_checksums(init.path)
    weights = read_weights(init.path, "cpu")
    copied = {name: weights[name] for name in init.copied(weights)}
    if not copied:
        raise UserError(
            f"--init_param {init.path}: none of its {len(weights)} weights begins with "
            f"{init.source!r} and is not excluded, so that nothing would be copied."
        )
    check_values(copied, init.path)
    trained = read_fingerprint(init.path)
    if trained is None:
        return
    theirs, ours = trained.settings.get("token_list"), tokens_of(options)
    if isinstance(theirs, list) and isinstance(ours, list) and theirs != ours:
        of_tokens = [
            name
            for name, value in copied.items()
            if value.shape[:1] == (len(theirs),) and not name.startswith(_OF_SPEECH)
        ]
        dropped = len(theirs) != len(ours) and options.get("ignore_init_mismatch")
        if of_tokens and not dropped:
            layers = sorted({name.rpartition(".")[0] for name in of_tokens})
            raise UserError(
                f"--init_param {init.path} was trained with another token_list: "
                f"{different_tokens(theirs, ours)}. Its {', '.join(layers)} would mean other "
                f"tokens. Leave them out, --init_param {init.excluding(layers)}, or train with "
                "the tokens of these weights."
            )
    if any(name.startswith(_OF_SPEECH) for name in copied):
        _tell_features(init, trained.settings, trained.data, options, "normalize.mean" in copied)


def _tell_features(
    init: InitParam,
    settings: Mapping[str, Any],
    data: Mapping[str, Any],
    options: Mapping[str, Any],
    with_statistics: bool,
) -> None:
    now = fingerprint_of({k: v for k, v in options.items() if k in _FEATURES}, with_data=True)
    keys = [key for key in _FEATURES if key in settings and key in now.settings]
    found = list(settings_differences(*({k: s[k] for k in keys} for s in (settings, now.settings))))
    if found:
        _LOG.warning("--init_param %s was trained on other features: %s", init.path, found)
    if not with_statistics or _STATISTICS not in data or _STATISTICS not in now.data:
        return
    if list(settings_differences(*({_STATISTICS: d[_STATISTICS]} for d in (data, now.data)))):
        _LOG.warning(
            "--init_param %s: its mean and variance of the features are kept, and %s is not used. "
            "To use that: --init_param %s",
            *(init.path, now.data[_STATISTICS]["file"], init.excluding(["normalize."])),
        )
