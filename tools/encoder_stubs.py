"""Writes the encoders' type stubs, from which editors and mypy know what a constructor takes.

    python tools/encoder_stubs.py

ESPnet's encoder under each of ours says which options there are, and so does our recursion: the
signature that the constructors check at run time is made from both, which no tool sees. The stubs
are those of the ESPnet that is installed.
"""

import inspect
import subprocess
import sys
import textwrap
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from espnet_recursive.registry import ENCODERS, encoder_class

ROOT = Path(__file__).resolve().parents[1]
_HEAD = '''# Made by tools/encoder_stubs.py from the constructors of ESPnet and of this package.

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from {stock_module} import {stock}

from {base_module} import {base}

class {name}({base}, {stock}):
    """{doc}
    """

    def __init__(
        self,
{parameters}
    ) -> None: ...
'''


def stub_path(name: str) -> Path:
    """Where the stub of an encoder is, by its ESPnet name."""
    module, _ = ENCODERS[name]
    return ROOT / f"{module.replace('.', '/')}.pyi"


def stub(name: str) -> str:
    """The stub of an encoder, by its ESPnet name, as ``ruff format`` leaves it."""
    cls: Any = encoder_class(name)
    base, stock = cls.__bases__
    text = _HEAD.format(
        stock_module=stock.__module__,
        stock=stock.__name__,
        base_module=base.__module__,
        base=base.__name__,
        name=cls.__name__,
        doc=textwrap.indent(inspect.cleandoc(cls.__doc__), "    ").strip(),
        parameters="\n".join(f"        {line}," for line in _parameters(cls)),
    )
    return _formatted(text, stub_path(name))


def _parameters(cls: Any) -> Iterator[str]:
    keyword_only = False
    for parameter in cls.__signature__.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            yield "*"
        text = f"{parameter.name}: {_type_of(parameter, cls.choices.get(parameter.name))}"
        yield text + _default(parameter.default)


def _type_of(parameter: inspect.Parameter, choices: tuple[str, ...] | None) -> str:
    annotation, default = parameter.annotation, parameter.default
    if parameter.name == "num_blocks":  # of ESPnet's the default is ours
        return "int | None"
    if choices is not None:
        none = " | None" if type(None) in (*get_args(annotation), type(default)) else ""
        return f"Literal[{', '.join(map(repr, choices))}]{none}"
    if annotation is parameter.empty:
        return type(default).__name__ if isinstance(default, (bool, int, float, str)) else "Any"
    return _written(annotation)


def _written(annotation: Any) -> str:
    """An annotation with the names that the head of a stub imports."""
    if annotation in (None, type(None)):
        return "None"
    if isinstance(annotation, str):
        return annotation
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return " | ".join(map(_written, arguments))
    if origin is not None:
        return f"{origin.__name__}[{', '.join(map(_written, arguments))}]"
    return "Any" if annotation is Any else annotation.__name__


def _default(value: Any) -> str:
    if value is inspect.Parameter.empty:
        return ""
    plain = value is None or isinstance(value, (bool, int, float, str))
    return f" = {value!r}" if plain else " = ..."


def _formatted(text: str, path: Path) -> str:
    for command in (("check", "--fix-only"), ("format",)):
        arguments = [sys.executable, "-m", "ruff", *command, "--stdin-filename", str(path), "-"]
        run = subprocess.run(
            arguments, cwd=ROOT, input=text, capture_output=True, text=True, check=True
        )
        text = run.stdout
    return text


def main() -> None:
    """Write the stubs of all encoders."""
    for name in ENCODERS:
        stub_path(name).write_text(stub(name), encoding="utf-8")
        print(stub_path(name).relative_to(ROOT))


if __name__ == "__main__":
    main()
