"""The settings of a training on which its statistics, or the use of its model, depend.

The stages compare them to tell whether what was made before still holds. A key that is not listed
here counts, so that an unknown one has work done again, and never leaves it undone.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from espnet_recursive.files.read_yaml import read_yaml
from espnet_recursive.recipe.fingerprint import MAY_CHANGE, fingerprint_of

#: The course of a training, on which its statistics do not depend, beside what may change anyhow.
_COURSE = re.compile(
    "seed|init|init_param|ignore_init_mismatch|freeze_param|grad_.*|optim(_conf)?|"
    "scheduler(_conf)?|val_scheduler_criterion|exclude_weight_decay(_conf)?|num_iters_per_epoch|"
    "shuffle_within_batch|(valid_)?iterator_type|chunk_.*|multiple_iterator|no_forward_run|"
    "sharded_ddp"
)
#: The model; its features are not among them.
_MODEL = re.compile(
    "(encoder|decoder|preencoder|postencoder|specaug|normalize|joint_net|ctc|adapter|lm)(_conf)?|"
    "use_adapter|model_conf"
)
#: A key of `model_conf` on which statistics do depend.
_STATISTICS_IN_MODEL = "extract_feats_in_collect_stats"
#: Characters of settings that are printed as they are; longer ones are printed as their hash.
_LONGEST = 1000


def settings_of_statistics(config: Path | str | None, arguments: Sequence[str] = ()) -> str:
    """Settings on which shapes and statistics depend: features, preprocessing, unknown ones.

    Args:
        config: The training YAML, if there is one.
        arguments: Further arguments of the training.

    Returns:
        One line: JSON, or its hash where that is long.

    Raises:
        UserError: If the YAML cannot be read.
    """
    values: dict[str, Any] = {}
    for key, value in (read_yaml(config) if config else {}).items():
        if key == "model_conf" and isinstance(value, Mapping):
            value = {k: v for k, v in value.items() if k == _STATISTICS_IN_MODEL}
            values |= {key: value} if value else {}
        elif _counts(key):
            values[key] = value
    groups = _groups(arguments)
    given = [group for group in groups if _counts(group[0].removeprefix("--"))]
    given += [
        group
        for group in groups
        if group[0] == "--model_conf" and _STATISTICS_IN_MODEL in " ".join(group)
    ]
    return _line({"config": values, "arguments": given})


def settings_of_model(config: Path | str) -> str:
    """Settings on which the use of a trained model depends: those of its fingerprint.

    Args:
        config: The config.yaml of its experiment.

    Returns:
        One line: JSON, or its hash where that is long.

    Raises:
        UserError: If the file cannot be read.
    """
    return _line(fingerprint_of(read_yaml(config)).settings)


def _counts(key: object) -> bool:
    return not (key in MAY_CHANGE or _COURSE.fullmatch(str(key)) or _MODEL.fullmatch(str(key)))


def _groups(arguments: Sequence[str]) -> list[list[str]]:
    """Each option with its values; ``--name=value`` is taken apart."""
    groups: list[list[str]] = []
    for word in arguments:
        if word.startswith("--"):
            name, equals, value = word.partition("=")
            groups.append([name, *([value] if equals else [])])
        elif groups:
            groups[-1].append(word)
        else:
            groups.append([word])
    return groups


def _line(values: Mapping[str, Any]) -> str:
    text = json.dumps(values, sort_keys=True, default=str)
    if len(text) > _LONGEST:
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    return text
