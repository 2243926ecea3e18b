"""Names of files that are made of what users call their utterances."""

import hashlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from espnet_recursive.errors import UserError

#: Bytes that file systems take in a name are 255; what is beside the name, such as ".part", counts.
_LONGEST = 200
#: Bytes of the digest that a name that was cut ends with.
_DIGEST = 20


def file_name(key: str) -> str:
    """The name of a file for an id: one name in one folder, whatever the id holds.

    An ordinary id is its own name. A slash, a percent sign, a leading dot or hyphen and what cannot
    be printed become %XX, so that two ids never have the same name; a long one is cut and ends with
    a digest of the whole.

    >>> file_name("103-1240-0000")
    '103-1240-0000'
    >>> file_name("../an4/speech")
    '%2E.%2Fan4%2Fspeech'
    """
    name = "".join(
        character if character.isprintable() and character not in "/%\\" else quote(character, "")
        for character in key
    )
    if name[:1] in (".", "-"):
        name = f"%{ord(name[0]):02X}{name[1:]}"
    content = name.encode()
    if len(content) > _LONGEST:
        digest = hashlib.sha256(key.encode()).hexdigest()[:_DIGEST]
        start = content[: _LONGEST - _DIGEST - 1].decode(errors="ignore")
        name = f"{start}%{digest}"
    return name


def check_ids(path: Path, ids: Iterable[str]) -> None:
    """Refuse ids that lead to other folders where a program takes them for a file's name.

    ESPnet does, for the pictures of attention that a training draws.

    Args:
        path: The table that they are of, for the message.
        ids: The ids.

    Raises:
        UserError: If one is an absolute path, or goes up with "..".
    """
    for key in ids:
        absolute = key.startswith("/")
        if absolute or ".." in PurePosixPath(key).parts:
            kind = "an absolute path" if absolute else "a path that goes up"
            raise UserError(
                f"{path}, {key}: an id that is {kind} would name files outside of the folders of "
                "the recipe. Name the utterance anew in all tables of the data directory, without "
                "slashes."
            )
