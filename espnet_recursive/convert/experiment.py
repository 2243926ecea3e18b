"""A converted model as an experiment's folder, complete in itself."""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
import yaml

from espnet_recursive.convert.converted_model import ConvertedModel
from espnet_recursive.convert.report import ConversionReport
from espnet_recursive.errors import UserError
from espnet_recursive.files.checkpoint_file import add_note
from espnet_recursive.files.read_yaml import read_yaml
from espnet_recursive.files.whole_files import whole_dir
from espnet_recursive.model.find_model import MODEL_FILE
from espnet_recursive.model.loaded_model import LoadedModel
from espnet_recursive.publish.pack import READ_IN_DECODING
from espnet_recursive.recipe.fingerprint import fingerprint_of

#: What conversions change.
_CHANGED = ("encoder", "encoder_conf", "input_size", "frontend", "frontend_conf")
_NAMED_FILES = tuple(key for key, *inner in READ_IN_DECODING if not inner)


def check_new(folder: Path) -> None:
    """Refuse to write into a folder that has something in it.

    Raises:
        UserError: Naming it.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"--output {folder} exists: name a new folder, or remove it first.")


def write_experiment(
    folder: Path, source: LoadedModel, converted: ConvertedModel, report: ConversionReport
) -> None:
    """Write the folder, whole or not at all.

    It holds config.yaml, encoder.yaml (its encoder alone, for ``asr.sh --encoder_config``), the
    weights under ESPnet's default name, copies of the files that decoding reads, and the report as
    conversion.md and conversion.json. As everywhere in ESPnet, paths in config.yaml start where
    `folder` does: an absolute one if it is absolute, else one from the current folder.

    Raises:
        UserError: If the folder exists, a file that decoding reads is missing, or the disk is full.
    """
    check_new(folder)
    with whole_dir(folder) as part:
        config = _config(source, converted)
        for keys in READ_IN_DECODING:
            _copy_file(config, converted.config, keys, part, folder, source.name)
        config["output_dir"] = str(folder)
        _write_yaml(part / "config.yaml", config)
        encoder = {key: config[key] for key in ("encoder", "encoder_conf")}
        _write_yaml(part / "encoder.yaml", encoder)
        torch.save(converted.model.state_dict(), part / MODEL_FILE)
        # The copies get their names when the folder has its own; their content is the originals'.
        originals = {k: v for k, v in converted.config.items() if k in _NAMED_FILES}
        add_note(part / MODEL_FILE, fingerprint_of({**config, **originals}).as_text())
        (part / "conversion.md").write_text(report.as_markdown(), encoding="utf-8")
        (part / "conversion.json").write_text(json.dumps(report.as_dict(), indent=2) + "\n")


def _config(source: LoadedModel, converted: ConvertedModel) -> dict[str, Any]:
    """The configuration to write; of a training here, its paths of data stay as they were."""
    written = converted.config
    if not source.found.meta:
        written = read_yaml(source.found.files["asr_train_config"])
    pairs = {key: (source.config.get(key), converted.config.get(key)) for key in _CHANGED}
    changed = {key: after for key, (before, after) in pairs.items() if before != after}
    return {**written, **changed, "token_list": list(converted.model.token_list)}


def _copy_file(
    config: dict[str, Any],
    absolute: dict[str, Any],
    keys: tuple[str, ...],
    part: Path,
    folder: Path,
    source: str,
) -> None:
    """Copy a file that the configuration names, and name the copy in it."""
    *outer, key = keys
    for name in outer:
        config, absolute = config.get(name) or {}, absolute.get(name) or {}
    value = absolute.get(key)
    if value in (None, "none"):
        return
    if not Path(value).is_file():
        raise UserError(f"{source}: {'.'.join(keys)} is {value}, which is not there.")
    shutil.copyfile(value, part / Path(value).name)
    config[key] = str(folder / Path(value).name)


def _write_yaml(path: Path, content: dict[str, Any]) -> None:
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    path.write_text(text, encoding="utf-8")
