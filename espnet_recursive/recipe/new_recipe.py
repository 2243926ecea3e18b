"""A recipe's folder that stands by itself, made of one that comes with the package."""

import shutil
from pathlib import Path

from espnet_recursive.errors import UserError, did_you_mean
from espnet_recursive.files.shared_files import shared_folder
from espnet_recursive.files.whole_files import whole_dir

#: What recipes download and write, in a checkout.
_WRITTEN = ("data", "downloads", "dump", "dump_*", "exp", "exp_*", "results", "__pycache__")


def recipes() -> dict[str, Path]:
    """The recipes that come with the package, by their corpora."""
    folders = sorted(shared_folder("egs2").glob("*/asr1"))
    return {path.parent.name: path for path in folders if path.parent.name != "TEMPLATE"}


def new_recipe(folder: Path | str, source: str) -> None:
    """Copy a recipe, with the scripts that it shares with others, to a folder.

    Args:
        folder: The folder; it must not be there yet.
        source: The corpus of the recipe, a key of :func:`recipes`.

    Raises:
        UserError: If there is no such recipe, or the folder is there.
    """
    known, folder = recipes(), Path(folder)
    if source not in known:
        raise UserError(
            f"--from {source}: there is no such recipe.{did_you_mean(source, known)} "
            f"There are: {', '.join(known)}"
        )
    if folder.exists():
        raise UserError(f"{folder} is there already: name a new folder")
    with whole_dir(folder) as whole:
        # Links become files: what they lead to stays where it is.
        shutil.copytree(
            known[source], whole, ignore=shutil.ignore_patterns(*_WRITTEN), dirs_exist_ok=True
        )
        for path in whole.rglob("*"):
            if path.is_file() and path.read_bytes().startswith(b"#!"):
                path.chmod(path.stat().st_mode | 0o111)
