"""The metadata of an exported file: all that a program needs to run it, as text."""

import json
from collections.abc import Mapping
from typing import Any

import onnx

from espnet_recursive import __version__
from espnet_recursive.asr.encoder.input_layer import shortest_input
from espnet_recursive.model.loaded_model import LoadedModel
from espnet_recursive.model.model_input import input_features, sampling_rate
from espnet_recursive.model.weights import recursion_of

#: Each precision -> what the metadata say of it.
QUANTISATIONS = {
    "float16": "float16, weights",
    "int8": "int8, dynamic",
    "int4": "int4, weights",
}


def describe(
    model: onnx.ModelProto,
    loaded: LoadedModel,
    num_loops: int | None,
    precision: str = "float32",
    **more: Any,
) -> None:
    """Write the metadata of a file: the model and its input.

    Args:
        model: The file.
        loaded: What it was made of.
        num_loops: Loops asked for; None for what is configured.
        precision: That of its weights: float32, or a key of QUANTISATIONS.
        **more: Other values.
    """
    config = loaded.config
    recursion = recursion_of(config, loaded.name)
    values: dict[str, Any] = {
        "espnet_recursive": __version__,
        "encoder": loaded.encoder,
        "quantisation": QUANTISATIONS.get(precision, "none"),
        "tokens": config["token_list"],
        "token_type": config.get("token_type"),
        "shortest_input": shortest_input(loaded.model.encoder),
        **_features(loaded.model, config),
        **more,
    }
    if recursion is not None:
        values["recursion"] = recursion | ({"num_loops": num_loops} if num_loops else {})
        values["num_loops"] = values["recursion"]["num_loops"]
    onnx.helper.set_model_props(
        model, {k: v if isinstance(v, str) else json.dumps(v) for k, v in values.items()}
    )
    model.producer_name, model.producer_version = "espnet_recursive", __version__


def _features(model: Any, config: Mapping[str, Any]) -> dict[str, Any]:
    """The kind of the features, and their normalisation."""
    size = input_features(config)
    values: dict[str, Any] = {"normalize": config.get("normalize")}
    if size is None:
        values |= {
            "sampling_rate": sampling_rate(config),
            "frontend": config.get("frontend"),
            "frontend_conf": config.get("frontend_conf") or {},
        }
    if values["normalize"] == "global_mvn":
        values |= {
            "normalize_mean": model.normalize.mean.tolist() if model.normalize.norm_means else None,
            "normalize_std": model.normalize.std.tolist() if model.normalize.norm_vars else None,
        }
    return values | {"feature_size": size or model.frontend.output_size()}
