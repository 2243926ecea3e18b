"""Checks that a model can be a recogniser in a file; others are refused with the reason."""

from typing import Any

from espnet_recursive.errors import UserError
from espnet_recursive.export.checks import check_exportable
from espnet_recursive.export.normalised import check_normalisation
from espnet_recursive.export.signal import traceable_frontend
from espnet_recursive.model.loaded_model import LoadedModel
from espnet_recursive.model.model_input import input_features


def check_recogniser(loaded: LoadedModel, num_loops: int | None) -> None:
    """Refuse what has no place in the file.

    Args:
        loaded: The model.
        num_loops: Loops asked for; None for what is configured.

    Raises:
        UserError: Naming the option or the key, and what can be done.
    """
    check_exportable(loaded, num_loops, loops_as_input=False)
    if features := input_features(loaded.config):
        raise UserError(
            f"{loaded.name} takes features of {features} dimensions, not audio: export its encoder "
            "alone (--to encoder)"
        )
    if loaded.model.ctc is None:
        raise UserError(
            f"{loaded.name} has no CTC (ctc_weight 0.0), and the file decodes with CTC: train with "
            "a ctc_weight, or export the encoder alone (--to encoder)"
        )
    _named(loaded, traceable_frontend, loaded.model.frontend)
    _named(loaded, check_normalisation, loaded.model)
    for place, token in enumerate(loaded.config["token_list"]):
        if not token or any(character.isspace() for character in token):
            raise UserError(
                f"{loaded.name}: token {place}, {token!r}, is empty or has a space in it, where "
                "tokens.txt is read in columns: rename it in the model's token_list"
            )


def _named(loaded: LoadedModel, check: Any, part: Any) -> None:
    try:
        check(part)
    except UserError as error:
        raise UserError(f"{loaded.name}: {error}") from error
