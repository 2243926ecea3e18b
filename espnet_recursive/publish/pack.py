"""Stage 14: a trained model in one file, as ESPnet packs it, with what loading it has to know."""

import json
import logging
import sys
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import yaml

from espnet_recursive import __version__
from espnet_recursive.errors import UserError, reason
from espnet_recursive.files.read_yaml import read_yaml
from espnet_recursive.files.whole_files import whole_file
from espnet_recursive.model.find_model import absolute_paths, find_file
from espnet_recursive.model.pack_paths import paths_in_pack
from espnet_recursive.model.parameters import measure_state_dict, parameters_of
from espnet_recursive.model.requirements import requirements_of
from espnet_recursive.model.schema import read_model_config
from espnet_recursive.model.stored_weights import read_weights
from espnet_recursive.model.weights import check_same_tokens, check_weights, recursion_of
from espnet_recursive.publish.half_weights import write_half
from espnet_recursive.publish.model_card import Card, model_card
from espnet_recursive.recursion.shape import RecursionShape
from espnet_recursive.registry import import_quietly

_LOG = logging.getLogger(__name__)

#: Files that a configuration names and that decoding reads, by their place in it.
READ_IN_DECODING = (("bpemodel",), ("non_linguistic_symbols",), ("normalize_conf", "stats_file"))


@dataclass(frozen=True)
class TrainedModel:
    """The files of a trained model, by the names of ESPnet's ``pack asr``.

    Attributes:
        asr_train_config: The config.yaml of the recogniser's training.
        asr_model_file: Its checkpoint.
        lm_train_config: The config.yaml of the language model's training, if it has one.
        lm_file: Its checkpoint.
        option: Further files to pack; of a RESULTS.md the model card shows the tables.
    """

    asr_train_config: Path
    asr_model_file: Path
    lm_train_config: Path | None = None
    lm_file: Path | None = None
    option: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Publication:
    """Facts of a model that its files do not contain.

    Attributes:
        license: Licence of the weights, by the hub's name for it.
        lang: Language of the speech, by its ISO 639 code.
        datasets: What it was trained on, by the hub's names.
        decoding: Arguments of ``Speech2Text`` that the results were got with.
    """

    license: str
    lang: str | None = None
    datasets: tuple[str, ...] = ()
    decoding: Mapping[str, Any] = field(default_factory=dict)


def pack(
    model: TrainedModel,
    publication: Publication,
    outpath: Path | str,
    half_precision: bool = False,
) -> None:
    """Write a model as a zip file that ESPnet's ``Speech2Text.from_pretrained`` loads.

    It holds the files of the model, those that its configuration names and decoding reads,
    README.md (the model card) and meta.yaml. To ESPnet's keys of the latter come ``requires``, the
    versions that the model needs, ``recursion``, the tuple that it was trained with (for a
    recursive encoder), and ``archive``, the name by which the card calls it. The file appears whole
    or not at all.

    Args:
        model: The files of the model.
        publication: What the card says beside them.
        outpath: The file to write.
        half_precision: Whether weights are stored in float16, half as large.

    Raises:
        UserError: If a file is missing, a checkpoint does not fit its configuration, the language
            model has other tokens, or two files would get one name in the pack.
    """
    outpath = Path(outpath)
    if outpath.suffix != ".zip":
        raise UserError(f"--outpath {outpath}: the name of a pack ends with .zip")
    if (model.lm_train_config is None) != (model.lm_file is None):
        raise UserError("--lm_train_config and --lm_file go together: name both or none")
    yaml_files = _given(
        asr_train_config=model.asr_train_config, lm_train_config=model.lm_train_config
    )
    files = _given(asr_model_file=model.asr_model_file, lm_file=model.lm_file)
    for path in (*yaml_files.values(), *files.values(), *model.option):
        if not path.is_file():
            raise UserError(f"{path}: no such file to pack")
    config = read_model_config(model.asr_train_config)
    _check(model)

    roots = (Path.cwd(), *model.asr_train_config.resolve().parents)
    read = _files_of_config(config, roots, model.asr_train_config)
    members = _members((*yaml_files.values(), *files.values(), *read, *model.option))
    for path in yaml_files.values():
        # What would be refused where the pack is loaded.
        paths_in_pack(_rename(read_yaml(path), members, roots), Path("the pack"), path)
    meta = {
        "files": {key: members[path.resolve()] for key, path in files.items()},
        "yaml_files": {key: members[path.resolve()] for key, path in yaml_files.items()},
        "timestamp": datetime.now().timestamp(),
        "python": sys.version,
        "torch": str(torch.__version__),
        "espnet": version("espnet"),
        "espnet_recursive": __version__,
        "archive": outpath.name,
        "requires": requirements_of(config),
    }
    if recursion := recursion_of(config, model.asr_train_config):
        meta["recursion"] = recursion
    card = model_card(_card(model, config, publication, outpath.name, half_precision))
    with (
        TemporaryDirectory() as temporary,
        whole_file(outpath, "wb") as file,
        zipfile.ZipFile(file, "w") as archive,
    ):
        # First, as ESPnet has it: its loader looks for this member before all others.
        archive.writestr("meta.yaml", yaml.safe_dump(meta))
        archive.writestr("README.md", card)
        for path, member in members.items():
            if path in {p.resolve() for p in yaml_files.values()}:
                archive.writestr(member, _with_members(path, members, roots))
            elif half_precision and path in {p.resolve() for p in files.values()}:
                half = Path(temporary, path.name)
                write_half(path, half)
                archive.write(half, member)
            else:
                archive.write(path, member)
    for member in ("meta.yaml", "README.md", *members.values()):
        _LOG.info("packed %s", member)


def _given(**paths: Path | None) -> dict[str, Path]:
    return {key: path for key, path in paths.items() if path is not None}


def _check(model: TrainedModel) -> None:
    asr_task = import_quietly("espnet2.tasks.asr").ASRTask
    config = model.asr_train_config
    check_weights(asr_task, _absolute(config), config, model.asr_model_file)
    if model.lm_train_config is not None and model.lm_file is not None:
        lm_task = import_quietly("espnet2.tasks.lm").LMTask
        lm_config = model.lm_train_config
        check_weights(lm_task, _absolute(lm_config), lm_config, model.lm_file)
        check_same_tokens(_absolute(config), config, _absolute(lm_config), lm_config)


def _absolute(config: Path) -> dict[str, Any]:
    return absolute_paths(read_yaml(config), (Path.cwd(), *config.resolve().parents))


def _files_of_config(
    config: Mapping[str, Any], roots: Iterable[Path], source: Path
) -> tuple[Path, ...]:
    found = []
    for keys in READ_IN_DECODING:
        value: Any = config
        for key in keys:
            value = (value or {}).get(key)
        if value in (None, "none"):
            continue
        path = Path(value) if Path(value).is_file() else find_file(value, roots)
        if path is None:
            raise UserError(
                f"{source}: {'.'.join(keys)} is {value}, which is not there. Decoding reads it: "
                "pack in the folder that the training ran in."
            )
        found.append(path)
    return tuple(found)


def _members(paths: Iterable[Path]) -> dict[Path, str]:
    """Names in the pack: from the current folder, or from the file's own where it lies elsewhere.

    Each has a folder in it, by which the loader of hub models knows a path from a word.
    """
    members: dict[Path, str] = {}
    for path in paths:
        resolved = path.resolve()  # as ESPnet does: of a link to an epoch, the epoch is packed
        name = f"{resolved.parent.name}/{resolved.name}"
        if resolved.parent.is_relative_to(Path.cwd()) and resolved.parent != Path.cwd():
            name = str(resolved.relative_to(Path.cwd()))
        if members.setdefault(resolved, name) != name or list(members.values()).count(name) > 1:
            raise UserError(
                f"{path}: another file would be {name} in the pack too. "
                "Pack in the folder that has both below it."
            )
    return members


def _with_members(path: Path, members: Mapping[Path, str], roots: Iterable[Path]) -> str:
    """The text of a configuration, in which packed files have their names in the pack."""
    config = read_yaml(path)
    renamed = _rename(config, members, roots)
    if renamed == config:
        return path.read_text(encoding="utf-8")
    return yaml.safe_dump(renamed)


def _rename(value: Any, members: Mapping[Path, str], roots: Iterable[Path]) -> Any:
    if isinstance(value, dict):
        return {k: v if k == "token_list" else _rename(v, members, roots) for k, v in value.items()}
    if isinstance(value, list):
        return [_rename(item, members, roots) for item in value]
    if isinstance(value, str) and value.startswith("/"):
        return members.get(Path(value).resolve(), value)
    found = find_file(value, roots)
    return value if found is None else members.get(found.resolve(), value)


def _scores(path: Path) -> dict[str, Any]:
    """The scores of RESULTS.json, which the results command writes; {} where it is not there."""
    if not path.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))["scores"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} holds no scores: {reason(error)}. Write it again: espnet-recursive results "
            f"{path.parent}"
        ) from error


def _card(
    model: TrainedModel,
    config: dict[str, Any],
    publication: Publication,
    archive: str,
    half_precision: bool,
) -> Card:
    recursion = recursion_of(config, model.asr_train_config)
    weights = read_weights(model.asr_model_file)
    results = next((path for path in model.option if path.name == "RESULTS.md"), None)
    return Card(
        archive=archive,
        title=model.asr_train_config.resolve().parent.name,
        license=publication.license,
        lang=publication.lang,
        datasets=publication.datasets,
        decoding=publication.decoding,
        config=config,
        recursive=recursion is not None,
        size=measure_state_dict(
            "encoder", weights, RecursionShape(**recursion) if recursion else None
        ),
        parameters=sum(value.numel() for value in parameters_of(weights).values()),
        has_lm=model.lm_file is not None,
        half_precision=half_precision,
        results=results.read_text(encoding="utf-8") if results else "",
        scores=_scores(results.with_name("RESULTS.json")) if results else {},
    )
