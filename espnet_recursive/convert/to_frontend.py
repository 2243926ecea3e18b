"""A model of features made one of audio: the frontend that computes its features goes before it."""

from collections.abc import Mapping
from typing import Any

from espnet_recursive.convert.converted_model import ConvertedModel
from espnet_recursive.errors import UserError, did_you_mean, reason
from espnet_recursive.model.loaded_model import LoadedModel
from espnet_recursive.model.model_input import input_features
from espnet_recursive.registry import FRONTENDS, frontend_class

#: The sampling rate of frontends that are given none.
_FS = 16000


def to_frontend(model: LoadedModel, frontend: str, conf: Mapping[str, Any]) -> ConvertedModel:
    """Put a frontend before a model of features. The weights stay as they are.

    Args:
        model: The model; it is not changed.
        frontend: The name of a frontend of this package.
        conf: Its options.

    Raises:
        UserError: If the model takes audio, or the frontend cannot be built or has other features.
    """
    features = input_features(model.config)
    if features is None:
        raise UserError(f"{model.name} takes audio: it has a frontend, {model.config['frontend']}")
    if frontend not in FRONTENDS:
        raise UserError(
            f"--frontend {frontend}: there are {', '.join(sorted(FRONTENDS))}."
            f"{did_you_mean(frontend, FRONTENDS)}"
        )
    conf = {"fs": _FS, **conf}
    try:
        size = frontend_class(frontend)(**conf).output_size()
    except Exception as error:
        raise UserError(f"--frontend {frontend}: {reason(error)}") from error
    if size != features:
        raise UserError(
            f"{model.name} takes {features} features a frame, and {frontend} has {size}: choose "
            "its --frontend_conf as the features of the training were made"
        )
    changed = {"input_size": None, "frontend": frontend, "frontend_conf": conf}
    config, built = model.rebuilt(model.encoder, model.encoder_conf, **changed)
    built.load_state_dict(model.model.state_dict())
    said = ", ".join(f"{key}: {value}" for key, value in conf.items())
    how = f"{features} features a frame, computed from audio by {frontend} ({said})"
    return ConvertedModel(config, built, how)
