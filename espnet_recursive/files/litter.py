"""Files that file managers and network drives leave in a corpus."""

from pathlib import Path

#: Of macOS, Synology and Windows.
_NAMES = (".DS_Store", "@eaDir", "__MACOSX", ".AppleDouble", "#recycle", "Thumbs.db", "desktop.ini")


def is_litter(path: Path) -> bool:
    """Whether the name is of no file or folder of a corpus.

    >>> is_litter(Path("84-121123-0001.flac")), is_litter(Path("._84-121123-0001.flac"))
    (False, True)
    """
    return path.name in _NAMES or path.name.startswith("._")
