"""Encoder files and recipes: beside the package in a checkout, within it once it is installed."""

from pathlib import Path

from espnet_recursive.errors import UserError, did_you_mean

_PACKAGE = Path(__file__).resolve().parents[1]
#: Folders of encoder files, by what they are.
_CONF = {
    "encoder": "rows of the paper's tables",
    "encoder/slim": "rows with less computation: slim input layers, loops at lower time resolution",
    "related": "related systems as configurations of these encoders",
}


def shared_folder(name: str) -> Path:
    """A folder that comes with the package.

    Args:
        name: ``conf`` or ``egs2``.

    Raises:
        UserError: If the installed package lacks it.
    """
    places = (_PACKAGE / "share" / name, _PACKAGE.parent / name)
    found = next((place for place in places if place.is_dir()), None)
    if found is None:
        raise UserError(f"the installed package lacks its folder {places[0]}: install it again")
    return found


def paper_rows_dir() -> Path:
    """The folder of the encoder files of the paper's rows."""
    return shared_folder("conf") / "encoder"


def encoder_files() -> dict[str, dict[str, Path]]:
    """The encoder files that come with the package: by what they are, then by their names."""
    folders = {title: shared_folder("conf") / folder for folder, title in _CONF.items()}
    return {
        title: {path.stem: path for path in sorted(folder.glob("*.yaml"))}
        for title, folder in folders.items()
    }


def encoder_file(name: str) -> Path:
    """The encoder file that somebody means.

    Args:
        name: A file, or the name of one in ``conf/encoder`` of the current folder (a recipe's own
            sizes) or in the package: ``L1``.

    Raises:
        UserError: If there is none, with those that are near.
    """
    path = Path(name)
    if path.exists():
        return path
    if path.suffix or len(path.parts) != 1:
        raise UserError(f"{name} does not exist")
    own = Path("conf/encoder") / f"{name}.yaml"
    if own.exists():
        return own
    known = {name: path for files in encoder_files().values() for name, path in files.items()}
    if name not in known:
        raise UserError(
            f"{name} is no file, nor an encoder that comes with the package."
            f"{did_you_mean(name, known)} `espnet-recursive conf list` shows them"
        )
    return known[name]
