"""Models by the names that people give them: hub ids, tags, packs, folders, experiments."""

import hashlib
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock

from espnet_recursive.errors import UserError, reason
from espnet_recursive.files.disk_space import full_disk_message, is_full_disk
from espnet_recursive.files.read_yaml import read_yaml
from espnet_recursive.files.whole_files import whole_dir

#: The checkpoint of an experiment, unless one is named: ESPnet's default in decoding.
MODEL_FILE = "valid.acc.ave.pth"


@dataclass(frozen=True)
class FoundModel:
    """The files of a model that is here.

    Attributes:
        name: The model as the user named it.
        meta: What meta.yaml says; empty for an experiment.
        files: Arguments of ``Speech2Text`` that are files: asr_train_config, asr_model_file, ...
        roots: Folders that the paths in its configurations may start from.
    """

    name: str
    meta: dict[str, Any]
    files: dict[str, Path]
    roots: tuple[Path, ...]

    def read_config(self, key: str) -> dict[str, Any]:
        """Read one of its configurations, with the paths of the model's own files absolute."""
        return absolute_paths(read_yaml(self.files[key]), self.roots)

    def write_configs(self, folder: Path) -> dict[str, str]:
        """Write its configurations with absolute paths into `folder`.

        Returns:
            The arguments of ``Speech2Text`` that are files.
        """
        arguments = {key: str(path) for key, path in self.files.items()}
        for key in self.files:
            if key.endswith("_config"):
                path = folder / f"{key}.yaml"
                path.write_text(yaml.safe_dump(self.read_config(key)), encoding="utf-8")
                arguments[key] = str(path)
        return arguments


def find_model(model: Path | str, model_file: str | None = None) -> FoundModel:
    """Find the files of a model, and fetch or unpack it where needed.

    Args:
        model: A Hugging Face id (``user/name``, ``user/name@revision``), a tag of ESPnet's model
            zoo, a pack (.zip) or its address, the folder of one, or an experiment directory.
        model_file: The checkpoint of an experiment directory, MODEL_FILE by default.

    Raises:
        UserError: If there is no such model, it cannot be fetched, or it is damaged.
    """
    name, path = str(model), Path(model).expanduser()
    if path.is_dir() and not (path / "meta.yaml").exists():
        return _read_experiment(name, path, model_file or MODEL_FILE)
    if model_file is not None:
        raise UserError(f"{name}: a checkpoint can be chosen of an experiment directory only.")
    if not path.exists():
        if "://" not in name and (path.suffix == ".zip" or name.startswith((".", "/", "~"))):
            raise UserError(f"{name} does not exist: no model to load is there.")
        path = _fetch(name)
    return _read_pack(name, path if path.is_dir() else unpack_model(path))


def unpack_model(archive: Path | str) -> Path:
    """Unpack a pack into the cache, unless this very file was unpacked there before.

    The folder appears whole or not at all, and it is that of this file: one that was written anew
    is unpacked anew.

    Returns:
        The folder.

    Raises:
        UserError: If the file is no pack, was cut off or damaged, or there is no space.
    """
    archive = Path(archive).resolve()
    status = archive.stat()
    stamp = f"{archive} {status.st_size} {status.st_mtime_ns}"
    folder = _cache() / hashlib.sha256(str(archive).encode()).hexdigest()[:32]
    unpacked = folder / ".unpacked"
    with _locked(folder):
        if not (unpacked.exists() and unpacked.read_text(encoding="utf-8") == stamp):
            with whole_dir(folder) as part:
                unpack_model_into(archive, part)
                (part / unpacked.name).write_text(stamp, encoding="utf-8")
    return folder


def unpack_model_into(archive: Path, folder: Path) -> None:
    """Unpack a pack into a folder that is there.

    Raises:
        UserError: If the file is no pack, was cut off or damaged, or there is no space.
    """
    try:
        with zipfile.ZipFile(archive) as pack:
            if "meta.yaml" not in pack.namelist():
                # A checkpoint is a zip file too: it is what is found in a pack that was cut off.
                raise zipfile.BadZipFile("meta.yaml of ESPnet's packs is not in it")
            pack.extractall(folder)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise UserError(
            f"{archive} is no packed model, or was cut off or damaged: {reason(error)}. "
            "Copy or download it again."
        ) from error
    except OSError as error:
        raise UserError(f"{archive} cannot be unpacked into {folder.parent}: {error}") from error


def find_file(value: Any, roots: Iterable[Path]) -> Path | None:
    """The file that a value of a configuration names, relative to one of `roots`, if it does."""
    # Words such as "adam" are not taken for files of that name.
    if not isinstance(value, str) or not ("/" in value or "." in value):
        return None
    if os.path.isabs(value) or ".." in Path(value).parts:
        return None
    return next((root / value for root in roots if os.path.isfile(root / value)), None)


def absolute_paths(value: Any, roots: Iterable[Path]) -> Any:
    """Replace, at any depth, paths that are relative to one of `roots` by absolute ones."""
    if isinstance(value, dict):
        # Tokens are text, even those that look like a file.
        return {k: v if k == "token_list" else absolute_paths(v, roots) for k, v in value.items()}
    if isinstance(value, list):
        return [absolute_paths(item, roots) for item in value]
    found = find_file(value, roots)
    return value if found is None else str(found.absolute())


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Work on a folder of the cache, one process at a time."""
    lock = FileLock(f"{folder}.lock")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        if is_full_disk(error):
            raise UserError(full_disk_message(folder.parent)) from error
        raise UserError(
            f"{folder.parent}, where models are unpacked, cannot be written to: {error.strerror}. "
            "Set XDG_CACHE_HOME to a folder that can."
        ) from error
    try:
        yield
    finally:
        lock.release()


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "espnet_recursive"


def _fetch(name: str) -> Path:
    """Have ESPnet's model zoo fetch a model; it knows its own tags and Hugging Face ids."""
    from espnet_model_zoo.downloader import ModelDownloader

    try:
        return Path(ModelDownloader().download(name))
    except Exception as error:  # those of several libraries, for networks, names and permissions
        said = " ".join(reason(error).split())
        raise UserError(
            f"{name} is no file or folder here, and could not be fetched as a published model: "
            f"{said} Check the name and the connection; private models need `hf auth login`."
        ) from error


def _read_pack(name: str, folder: Path) -> FoundModel:
    meta = read_yaml(folder / "meta.yaml")
    files: dict[str, Path] = {}
    for kind in ("yaml_files", "files"):
        if not isinstance(meta.get(kind), dict):
            raise UserError(f"{name}: meta.yaml has no {kind}, so it is no model of ESPnet's pack.")
        files |= {key: folder / value for key, value in meta[kind].items()}
    if not {"asr_train_config", "asr_model_file"} <= files.keys():
        raise UserError(f"{name} is no recogniser: meta.yaml lists {', '.join(files) or 'nothing'}")
    for path in files.values():
        if not path.exists():
            raise UserError(f"{name}: meta.yaml names {path}, which is not there. Fetch it again.")
    return FoundModel(name, meta, files, (folder,))


def _read_experiment(name: str, folder: Path, model_file: str) -> FoundModel:
    config = folder / "config.yaml"
    if not config.exists():
        raise UserError(
            f"{name} has neither meta.yaml nor config.yaml: name the folder of an unpacked model, "
            "or that of a training."
        )
    checkpoint = folder / model_file
    if not checkpoint.exists():
        there = ", ".join(sorted(path.name for path in folder.glob("*.pth"))) or "none"
        raise UserError(f"{name} has no {model_file}. Checkpoints there: {there}")
    # Paths of a training start from the recipe's folder, which is above that of the experiment.
    roots = (Path.cwd(), *config.resolve().parents)
    files = {"asr_train_config": config, "asr_model_file": checkpoint}
    return FoundModel(name, {}, files, roots)
