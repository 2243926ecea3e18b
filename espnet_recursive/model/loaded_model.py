"""A trained recogniser with its weights, to be converted."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from espnet_recursive.errors import UserError
from espnet_recursive.model.checked_model import find_checked_model
from espnet_recursive.model.config_files import check_config_files
from espnet_recursive.model.find_model import FoundModel
from espnet_recursive.model.stored_weights import read_weights, tensors_only
from espnet_recursive.model.weights import build_model, check_weights
from espnet_recursive.registry import ENCODERS, import_quietly

_PREFIX = "latent_recursive_"
#: ESPnet's name of each stock encoder that has a recursive one over it -> the name of that.
RECURSIVE_NAMES = {name.removeprefix(_PREFIX): name for name in ENCODERS}
STOCK_NAMES = {ours: stock for stock, ours in RECURSIVE_NAMES.items()}


@dataclass(frozen=True)
class LoadedModel:
    """A model as a training left it.

    Attributes:
        found: Its files.
        config: Its configuration, the paths of its files absolute.
        model: ESPnet's model, in evaluation mode.
    """

    found: FoundModel
    config: dict[str, Any]
    model: Any

    @property
    def name(self) -> str:
        """The model as the user named it."""
        return self.found.name

    @property
    def encoder(self) -> str:
        """ESPnet's name of its encoder."""
        return self.config["encoder"]

    @property
    def encoder_conf(self) -> dict[str, Any]:
        """The options of its encoder."""
        return self.config.get("encoder_conf") or {}

    def rebuilt(
        self, encoder: str, encoder_conf: dict[str, Any], **changed: Any
    ) -> tuple[dict[str, Any], Any]:
        """The configuration and the model with another encoder in it, whose weights mean nothing.

        Args:
            encoder: ESPnet's name of it.
            encoder_conf: Its options.
            changed: Other keys of the configuration.

        Raises:
            UserError: If it cannot be built.
        """
        config = {**self.config, "encoder": encoder, "encoder_conf": encoder_conf, **changed}
        return config, build_model(_asr_task(), config, self.name).eval()


def load_asr_model(
    model: Path | str, model_file: str | None = None, any_size: bool = False
) -> LoadedModel:
    """Load a model by any of the names that `find_model` takes.

    Raises:
        UserError: If it cannot be had, or its checkpoint does not fit its configuration.
    """
    found = find_checked_model(model, model_file, any_size)
    config = found.read_config("asr_train_config")
    if config.get("use_adapter"):
        raise UserError(
            f"{found.name} was trained with use_adapter. Merge the adapter into the weights first."
        )
    source, weights = found.files["asr_train_config"], found.files["asr_model_file"]
    check_config_files(config, source)
    with tensors_only(published=bool(found.meta)):
        check_weights(_asr_task(), config, source, weights)
        built = build_model(_asr_task(), config, source)
    built.load_state_dict(read_weights(weights, "cpu"))
    return LoadedModel(found, config, built.eval())


def copy_all_but_layers(source: torch.nn.Module, target: torch.nn.Module) -> None:
    """Give a model all weights of another but those of the encoder's layers.

    The counters of a loop policy are not weights; a target that has none does without.
    """
    others = {
        name: value
        for name, value in source.state_dict().items()
        if not name.startswith(("encoder.encoders.", "encoder.progress."))
    }
    target.load_state_dict(target.state_dict() | others)


def _asr_task() -> Any:
    return import_quietly("espnet2.tasks.asr").ASRTask
