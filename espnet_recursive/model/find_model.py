"""Models by the names that people give them: hub ids, tags, packs, folders, experiments."""

import hashlib
import lzma
import os
import re
import shlex
import struct
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
from espnet_recursive.files.access_tokens import without_tokens
from espnet_recursive.files.disk_space import full_disk_message, is_full_disk
from espnet_recursive.files.read_yaml import read_yaml
from espnet_recursive.files.whole_files import whole_dir, whole_file
from espnet_recursive.files.zip_limits import check_zip
from espnet_recursive.model.pack_paths import file_in_pack, paths_in_pack
from espnet_recursive.model.schema import check_config, read_meta

#: The checkpoint of an experiment, unless one is named: ESPnet's default in decoding.
MODEL_FILE = "valid.acc.ave.pth"
#: libyaml's takes a tenth of the time; not every PyYAML is built with it.
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


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
        """Read one of its configurations, with the paths of the model's own files absolute.

        Raises:
            UserError: If it is not as loading needs it, or that of a pack names a file elsewhere.
        """
        path = self.files[key]
        config = read_yaml(path)
        check_config(config, path, lm=key == "lm_train_config")
        if self.meta:
            return paths_in_pack(config, self.roots[0], path)
        return absolute_paths(config, self.roots)

    def write_configs(self, folder: Path) -> dict[str, str]:
        """Write its configurations with absolute paths into `folder`.

        Returns:
            The arguments of ``Speech2Text`` that are files.
        """
        arguments = {key: str(path) for key, path in self.files.items()}
        for key in self.files:
            if key.endswith("_config"):
                path = folder / f"{key}.yaml"
                path.write_text(yaml.dump(self.read_config(key), Dumper=_DUMPER), encoding="utf-8")
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
    if not _exists(path):
        if "://" not in name and (path.suffix == ".zip" or name.startswith((".", "/", "~"))):
            raise UserError(f"{name} does not exist: no model to load is there.")
        path = _fetch(name)
    return _read_pack(name, path if path.is_dir() else unpack_model(path))


def unpack_model(archive: Path | str) -> Path:
    """Unpack a pack into the cache, unless its very content was unpacked there before.

    The folder appears whole or not at all, and it is that of this content: a file that was written
    anew is unpacked anew, also one of the same size and time.

    Returns:
        The folder.

    Raises:
        UserError: If the file is no pack, was cut off or damaged, is more than a pack can be, the
            copy in the cache was changed, or there is no space.
    """
    archive = Path(archive).resolve()
    folder = _cache() / hashlib.sha256(os.fsencode(archive)).hexdigest()[:32]
    # Beside the folder, where nothing that a pack holds can be.
    stamp = folder.with_name(f"{folder.name}.sha256")
    content = _checksum(archive)
    with _locked(folder):
        if folder.is_dir() and stamp.is_file() and stamp.read_bytes() == content:
            _check_copy(archive, folder)
        else:
            stamp.unlink(missing_ok=True)
            with whole_dir(folder) as part:
                unpack_model_into(archive, part)
            with whole_file(stamp, "wb") as file:
                file.write(content)
    return folder


def _checksum(archive: Path) -> bytes:
    if not archive.is_file():
        raise UserError(f"{archive} is no file")
    try:
        with archive.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest().encode()
    except OSError as error:
        raise UserError(f"{archive} cannot be read: {error.strerror}") from error


def _check_copy(archive: Path, folder: Path) -> None:
    """Refuse a copy in which files are missing or have other sizes than in the pack."""
    with zipfile.ZipFile(archive) as pack:
        for member in pack.infolist():
            path = folder / member.filename
            if member.is_dir() or (path.is_file() and path.stat().st_size == member.file_size):
                continue
            raise UserError(
                f"{path} is missing or not as in {archive}: its copy in the cache was changed. "
                f"Remove the copy, and it is unpacked again: rm -r {shlex.quote(str(folder))}"
            )


def unpack_model_into(archive: Path, folder: Path) -> None:
    """Unpack a pack into a folder that is there.

    Raises:
        UserError: If the file is no pack, was cut off or damaged, is more than a pack can be, or
            there is no space.
    """
    try:
        with zipfile.ZipFile(archive) as pack:
            if "meta.yaml" not in pack.namelist():
                # A checkpoint is a zip file too: it is what is found in a pack that was cut off.
                raise zipfile.BadZipFile("meta.yaml of ESPnet's packs is not in it")
            check_zip(pack, archive, folder)
            pack.extractall(folder)
    except UserError:
        raise
    # Beside its own errors, zipfile lets those of its parsing and its libraries pass.
    except (
        *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError),
        *(ValueError, LookupError, RuntimeError, OverflowError, MemoryError),
    ) as error:
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


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long for a path, or with a null character
        return False


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Work on a folder of the cache, one process at a time."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            yield
    except OSError as error:
        if is_full_disk(error):
            raise UserError(full_disk_message(folder.parent)) from error
        raise UserError(
            f"{folder.parent}, where models are unpacked, cannot be written to: {error.strerror}. "
            "Set XDG_CACHE_HOME to a folder that can."
        ) from error


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "espnet_recursive"


def _fetch(name: str) -> Path:
    """Have ESPnet's model zoo fetch a model; it knows its own tags and Hugging Face ids."""
    from espnet_model_zoo.downloader import ModelDownloader

    class Downloader(ModelDownloader):
        # ESPnet's writes beside the files that meta.yaml names, wherever they are, and follows the
        # aliases of their YAML. Its files are read here instead, and nothing is written there.
        @staticmethod
        def _unpack_cache_dir_for_huggingface(cache_dir: str) -> dict[str, str]:
            return {}

    if re.match(r"\w+://[^/]*@", name):
        # It would stand in logs, and in a file of ESPnet's cache.
        raise UserError(
            f"{without_tokens(name)}: an address with a password in it. Leave that out, and run "
            "`hf auth login`, or download the file yourself."
        )
    try:
        return Path(Downloader().download(name))
    except Exception as error:  # those of several libraries, for networks, names and permissions
        said = without_tokens(" ".join(reason(error).split()))
        raise UserError(
            f"{name} is no file or folder here, and could not be fetched as a published model: "
            f"{said} Check the name and the connection; private models need `hf auth login`."
        ) from error


def _read_pack(name: str, folder: Path) -> FoundModel:
    meta = read_meta(file_in_pack("meta.yaml", folder, name, "a pack"), name)
    files = {
        key: file_in_pack(value, folder, name, "meta.yaml")
        for key, value in (meta["yaml_files"] | meta["files"]).items()
    }
    if ("lm_train_config" in files) != ("lm_file" in files):
        # ESPnet would decode with random values, or leave it out, without a word.
        raise UserError(f"{name}: lm_train_config and lm_file of meta.yaml go together.")
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
        # Of Lightning, in the experiments of ESPnet 3, they are *.ckpt.
        there = sorted(path.name for path in folder.iterdir() if path.suffix in (".pth", ".ckpt"))
        others = (
            f"Name one that is there by --model_file (model_file in Python): {', '.join(there)}"
            if there
            else "No checkpoint is there: did the training finish an epoch?"
        )
        raise UserError(f"{name} has no {model_file}. {others}")
    # Paths of a training start from the recipe's folder, which is above that of the experiment.
    roots = (Path.cwd(), *config.resolve().parents)
    files = {"asr_train_config": config, "asr_model_file": checkpoint}
    return FoundModel(name, {}, files, roots)
