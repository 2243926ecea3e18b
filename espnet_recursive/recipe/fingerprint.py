"""The fingerprint of a training: what its weights depend on, kept in the file of each checkpoint.

Weights of one shape fit many configurations and mean something in one only. So every checkpoint
that a training here writes carries the settings of that training, as a note in its own file
(:mod:`espnet_recursive.files.checkpoint_file`), which stays with it in averages, copies and packs.
Whoever reads a checkpoint compares the configuration beside it, and a training that goes on
compares its own options.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from espnet_recursive.errors import UserError
from espnet_recursive.files.checkpoint_file import content_of, read_note

#: What may change between two runs of one training, and in a configuration beside its weights. All
#: other options are part of the fingerprint, those of ESPnet's later versions included.
MAY_CHANGE = frozenset(
    # how long it trains, and which epochs are kept
    "max_epoch patience early_stopping_criterion best_model_criterion keep_nbest_models "
    "nbest_averaging_interval "
    # how much a step takes at once: GPUs of other numbers and sizes make the same step of it
    "batch_size valid_batch_size batch_bins valid_batch_bins batch_type valid_batch_type "
    "max_batch_size min_batch_size fold_length accum_grad sort_in_batch sort_batch drop_last_iter "
    # machines: workers, memory, GPUs, several nodes, precision of their arithmetic
    "ngpu num_workers max_cache_size valid_max_cache_size max_cache_fd dist_backend "
    "dist_init_method dist_world_size dist_rank local_rank dist_master_addr dist_master_port "
    "dist_launcher distributed multiprocessing_distributed unused_parameters ddp_comm_hook "
    "gradient_as_bucket_view cudnn_enabled cudnn_benchmark cudnn_deterministic use_tf32 use_amp "
    # what is logged and drawn
    "log_level log_interval num_att_plot use_matplotlib use_tensorboard use_wandb "
    "create_graph_in_tensorboard wandb_project wandb_id wandb_entity wandb_name "
    "wandb_model_log_interval wandb_allow_val_change detect_anomaly "
    # where things are: what is in the texts, and in other files, counts for itself
    "output_dir train_shape_file valid_shape_file train_data_path_and_name_and_type "
    "valid_data_path_and_name_and_type allow_variable_data_keys allow_multi_rates "
    # what of the weights is saved; a checkpoint of a part is refused by that
    "save_strategy "
    # how the command was called
    "config resume dry_run print_config collect_stats write_collected_feats required version "
    "pretrain_path".split()
)

#: Files that training alone reads, and their settings. A training that goes on must have the same;
#: for trained weights they are the past. Their statistics are in the weights, which prevail.
_OF_DATA = ("init_param", "rir_scp", "noise_scp")
#: Files that decoding reads too.
_OF_TEXT = ("bpemodel", "non_linguistic_symbols")


@dataclass(frozen=True)
class Fingerprint:
    """Everything that the weights of a training depend on, as plain values.

    Attributes:
        settings: Options of the training, the token list and further files by their content.
        data: What the training alone reads, by its content.
    """

    settings: dict[str, Any]
    data: dict[str, Any] = field(default_factory=dict)

    def as_text(self) -> str:
        """The text of the note in a checkpoint.

        Of the paths of files it has the names: folders of whoever trained a model are not for those
        who get it.
        """
        return json.dumps({"fingerprint": _without_folders(asdict(self))}, sort_keys=True)


def read_fingerprint(checkpoint: Path | str) -> Fingerprint | None:
    """The fingerprint in a checkpoint; None in one that plain ESPnet wrote.

    Raises:
        UserError: If the file is missing or damaged.
    """
    note = read_note(checkpoint)
    if note is None:
        return None
    try:
        fingerprint = Fingerprint(**json.loads(note)["fingerprint"])
        if not (isinstance(fingerprint.settings, dict) and isinstance(fingerprint.data, dict)):
            raise TypeError("no mappings")
        fingerprint.as_text()  # what is nested too deep for that cannot be compared either
        return fingerprint
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise UserError(
            f"{checkpoint}: its fingerprint was written by a newer version of espnet_recursive "
            "(pip install -U espnet_recursive), or by something else"
        ) from error


def fingerprint_of(config: Mapping[str, Any], with_data: bool = False) -> Fingerprint:
    """The fingerprint of a configuration, from ESPnet's options or from its config.yaml.

    Args:
        config: The configuration; paths in it are read from the current folder.
        with_data: Whether to read what training alone needs, which takes time.
    """
    config = json.loads(json.dumps(dict(config), default=str))
    settings = {k: v for k, v in config.items() if k not in MAY_CHANGE and k not in _OF_DATA}
    for key in settings:
        if key.endswith("token_list"):
            settings[key] = tokens_of(config, key)
        elif key in _OF_TEXT and isinstance(settings[key], str):
            settings[key] = _file(settings[key])
    if settings.get("input_size") is not None and "frontend" in settings:
        # ESPnet does so itself, after its options are read and before config.yaml is written.
        settings |= {"frontend": None, "frontend_conf": {}}
    normalize_conf = dict(settings.get("normalize_conf") or {})
    stats_file = normalize_conf.pop("stats_file", None)
    if stats_file is not None:
        settings["normalize_conf"] = normalize_conf
    return Fingerprint(settings, _data(config, stats_file) if with_data else {})


def tokens_of(config: Mapping[str, Any], key: str = "token_list") -> Any:
    """The tokens of a configuration, which may name a file of them, without those of its loss.

    ESPnet adds the big blanks of a multi-blank transducer to the list of such a model.

    Raises:
        UserError: If the file is not in UTF-8.
    """
    tokens = config.get(key)
    if isinstance(tokens, str) and Path(tokens).is_file():
        path = Path(tokens)
        try:  # as ESPnet reads it
            tokens = [line.rstrip() for line in path.open(encoding="utf-8")]
        except UnicodeDecodeError as error:
            raise UserError(
                f"{path} is no token list: it is not in UTF-8 ({error}). Copy it again, or run "
                "stage 5 again without its stamp."
            ) from error
    if isinstance(tokens, list) and (config.get("model_conf") or {}).get(
        "transducer_multi_blank_durations"
    ):
        tokens = [token for token in tokens if not re.fullmatch(r"<blank\d+>", str(token))]
    return tokens


def _data(config: Mapping[str, Any], stats_file: str | None) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for key in _OF_DATA:
        values = config.get(key) or []
        for spec in [values] if isinstance(values, str) else values:
            # After the path of init_param: which modules, and which not.
            path, *modules = spec.split(":") if key == "init_param" else [spec]
            data[":".join([key, *modules])] = _file(path)
    if stats_file is not None:
        data["normalize_conf.stats_file"] = _statistics(stats_file)
    for phase in ("train", "valid"):
        for path, name, kind in config.get(f"{phase}_data_path_and_name_and_type") or []:
            if kind == "text":
                data[f"the {name} of the {phase} set"] = _file(path)
    return data


def _without_folders(values: dict[str, Any]) -> dict[str, Any]:
    """The values, where each file has its name in the place of its path."""
    cut = {k: _without_folders(v) if isinstance(v, dict) else v for k, v in values.items()}
    if is_file(values):
        cut["file"] = Path(values["file"]).name
    return cut


def is_file(value: Any) -> bool:
    """Whether a value of a fingerprint is a file: its path, or name, and its content."""
    return (
        isinstance(value, dict) and "file" in value and value.keys() & {"content", "mean"} != set()
    )


def _file(path: str) -> dict[str, Any]:
    """A file by its content, where it is there to be read."""
    return {"file": path, "content": content_of(path) if Path(path).is_file() else None}


def _statistics(path: str) -> dict[str, Any]:
    """Mean and deviation of each feature, as ESPnet computes them."""
    if not Path(path).is_file():
        return {"file": path, "mean": None}
    stats = np.load(path)
    if isinstance(stats, np.ndarray):  # Kaldi's
        count, total, squares = stats[0, -1], stats[0, :-1], stats[1, :-1]
    else:
        count, total, squares = stats["count"], stats["sum"], stats["sum_square"]
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 1e-20))
    values = {"mean": mean, "deviation": deviation}
    return {"file": path} | {k: [float(f"{x:.7g}") for x in v.flat] for k, v in values.items()}
