"""A model that is found, of the right versions, and with the recursion that it was trained with."""

from pathlib import Path

from espnet_recursive.errors import UserError
from espnet_recursive.model.find_model import FoundModel, find_model
from espnet_recursive.model.model_input import sampling_rate
from espnet_recursive.model.requirements import check_requirements
from espnet_recursive.model.schema import YAML_FILES
from espnet_recursive.model.size_limits import check_size
from espnet_recursive.model.weights import check_recursion


def find_checked_model(
    model: Path | str, model_file: str | None = None, any_size: bool = False
) -> FoundModel:
    """Find a model as :func:`find_model` does, and refuse what meta.yaml says is not for here.

    Args:
        model: Its name.
        model_file: The checkpoint of an experiment directory.
        any_size: Whether a published model may be deeper and larger than models are.

    Raises:
        UserError: If it cannot be had, needs other versions, its configuration says another
            recursion than meta.yaml, or it is too large.
    """
    found = find_model(model, model_file)
    requires = found.meta.get("requires") or []
    check_requirements([requires] if isinstance(requires, str) else requires, found.name)
    config = found.read_config("asr_train_config")
    check_recursion(found.meta.get("recursion"), config, found.name)
    if found.meta:
        try:
            sampling_rate(config)
        except UserError as error:
            raise UserError(f"{found.files['asr_train_config']}: {error}") from error
    if found.meta and not any_size:
        for key in YAML_FILES:
            if key in found.files:
                check_size(found.read_config(key), found.files[key])
    return found
