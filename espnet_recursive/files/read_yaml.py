"""YAML files that hold a mapping: the one place where YAML is read, of users and of strangers.

Only plain values are made of it. What is too large, too deep, or small on the disk and large in
memory, is refused before anything is made of it; so is a key that comes twice, of which PyYAML
takes the last without a word.
"""

import codecs
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from espnet_recursive.errors import UserError

#: Bytes of a file; a configuration with 250,000 tokens has 4 million.
MAX_BYTES = 16_000_000
#: Mappings and lists in one another; those of ESPnet have six.
MAX_DEPTH = 50
#: Values that a file stands for, each alias counted with all that it repeats.
MAX_VALUES = 2_000_000
#: Values that aliases repeat. PyYAML itself writes some, where one list stands in two places.
MAX_REPEATED = 100_000

#: libyaml's is ten times as fast; not every PyYAML is built with it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: Python makes an integer of this, but no text of it again.
_LONG_NUMBER = re.compile(r"[-+]?[0-9][0-9a-fA-F_:x]{999,}")
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
#: The key whose values are keys of the mapping that it stands in; it may come again.
_MERGE = "<<"


def read_yaml(path: Path | str) -> dict[str, Any]:
    """Read a YAML file that holds a mapping.

    Raises:
        UserError: If it is missing, is no text, is not YAML, holds something else, or exceeds a
            limit of this module.
    """
    try:
        with Path(path).open("rb") as file:
            # Not all of it: /dev/zero and its like have no end.
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        said = error.strerror if isinstance(error, OSError) else str(error)
        raise UserError(f"{path} cannot be read: {said}") from error
    if len(content) > MAX_BYTES:
        raise UserError(f"{path} is too large for a YAML: more than {MAX_BYTES:,} bytes")
    values = parse_yaml(_text(content, path), path)
    if not isinstance(values, dict):
        raise UserError(f"{path} must hold keys and values, not {type(values).__name__}")
    return values


def parse_yaml(text: str, source: Path | str) -> Any:
    """Make plain values of the text of a YAML.

    Raises:
        UserError: Naming `source`, if it is not YAML, or exceeds a limit of this module.
    """
    try:
        _check_limits(_unique_keys(yaml.parse(text, Loader=_LOADER), source), source)
        return yaml.load(text, Loader=_LOADER)
    except UserError:
        raise
    # Beside errors of its own, PyYAML lets those of int(), float() and datetime() pass, and those
    # of looking up "maybe" among the words for true and false.
    except (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError) as error:
        said = " ".join(str(error).split())
        raise UserError(f"{source} is not YAML: {said}") from error


def _text(content: bytes, path: Path | str) -> str:
    if content.startswith(_UTF_16):
        raise UserError(f"{path} is text in UTF-16: save it as UTF-8")
    try:
        return content.decode("utf-8-sig")  # without the mark that Windows puts at the beginning
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} is not YAML but binary, or text that is not in UTF-8: {error.reason} at byte "
            f"{error.start}. Is it the right file?"
        ) from error


def _unique_keys(events: Iterable[Any], source: Path | str) -> Iterator[Any]:
    """Pass events on, and refuse a key that a mapping has already."""
    #: Of each open collection the lines of its keys, None of a list; and whether a key comes next.
    lines: list[dict[tuple[str, bool], int] | None] = [None]
    key_next = [False]
    for event in events:
        if isinstance(event, yaml.CollectionEndEvent):
            lines.pop()
            key_next.pop()
        elif isinstance(event, yaml.NodeEvent):
            keys = lines[-1]
            if keys is not None:
                if key_next[-1] and isinstance(event, yaml.ScalarEvent) and event.value != _MERGE:
                    # The text 1 and the number are two keys.
                    key, line = (event.value, event.implicit[0]), event.start_mark.line + 1
                    if (first := keys.setdefault(key, line)) != line:
                        raise UserError(
                            f"{source}, line {line}: the key {event.value[:60]!r} is in line "
                            f"{first} already. Only one of them can count: remove the other."
                        )
                key_next[-1] = not key_next[-1]
            if isinstance(event, yaml.CollectionStartEvent):
                is_mapping = isinstance(event, yaml.MappingStartEvent)
                lines.append({} if is_mapping else None)
                key_next.append(is_mapping)
        yield event


def _check_limits(events: Iterable[Any], source: Path | str) -> None:
    """Refuse what becomes too much, from the parser's events: they need no memory to speak of."""
    #: Values in each open collection so far, and its anchor; the first is the file itself.
    open_values, open_anchors = [0], [""]
    sizes: dict[str, int] = {}
    repeated = 0
    for event in events:
        if isinstance(event, yaml.AliasEvent):
            if event.anchor in open_anchors:
                raise UserError(f"{source}: *{event.anchor} stands in the very value that it names")
            # One that has no anchor is refused by PyYAML.
            repeated += sizes.get(event.anchor, 0)
            open_values[-1] += sizes.get(event.anchor, 0)
        elif isinstance(event, yaml.CollectionStartEvent):
            open_values.append(1)
            open_anchors.append(event.anchor or "")
            if len(open_values) > MAX_DEPTH:
                raise UserError(f"{source} is nested deeper than {MAX_DEPTH} levels")
        elif isinstance(event, yaml.CollectionEndEvent | yaml.ScalarEvent):
            if isinstance(event, yaml.CollectionEndEvent):
                size, anchor = open_values.pop(), open_anchors.pop()
            else:
                size, anchor = 1, event.anchor
                if _LONG_NUMBER.fullmatch(event.value):
                    raise UserError(f"{source} has a number of {len(event.value):,} digits")
            open_values[-1] += size
            if anchor:
                sizes[anchor] = size
        if repeated > MAX_REPEATED or sum(open_values) > MAX_VALUES:
            raise UserError(
                f"{source} stands for too many values: more than {MAX_VALUES:,}, or "
                f"{MAX_REPEATED:,} that aliases repeat"
            )
