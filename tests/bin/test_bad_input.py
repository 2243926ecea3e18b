"""Whatever is given in the place of files, each command ends with a sentence, not a traceback."""

import argparse
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from espnet_recursive.bin.command import hertz
from espnet_recursive.bin.main import COMMANDS, main

#: Those that run whatever command they are given.
RUN_OTHERS = ("launch", "run-jobs")
#: What stands where a file or a folder is expected. None could be an address or a hub's name.
KINDS = ("missing", "missing/below", "file", "file/below", "binary", "empty", "folder")


def parsers(name):
    """The words and the parser of a command, or of each command within it."""
    module = import_module(f"espnet_recursive.bin.{name.replace('-', '_')}")

    def of(parser, words):
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for word, inner in action.choices.items():
                    yield from of(inner, [*words, word])
                return
        yield words, parser

    return of(module.get_parser(), [name])


def arguments(parser, value, optional):
    """All positional arguments and required options, and where asked for the others, too."""
    options, others = [], []
    for action in parser._actions:
        if action.nargs == 0:
            continue
        given = value
        if action.choices:
            given = next(iter(action.choices))
        elif action.type in (int, float):
            given = "1"
        elif action.type not in (None, Path):  # a type of ours, with a default that fits it
            given = str(action.default or "1")
        values = [given] * (action.nargs if isinstance(action.nargs, int) else 1)
        if not action.option_strings:
            others += values
        elif action.required or (optional and given is value):
            options += [action.option_strings[0], *values]
    return [*options, "--", *others]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["pytest"])
    (tmp_path / "file").write_text("a b\n")
    (tmp_path / "binary").write_bytes(bytes(range(256)) * 10)
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in RUN_OTHERS])
def test_files_of_every_kind(name, folder):
    for words, parser in parsers(name):
        for kind in KINDS:
            for optional in (False, True):
                command = [*words, *arguments(parser, f"./{kind}", optional)]
                try:
                    main(command)
                except SystemExit as ended:
                    said = str(ended.code)
                    assert said in ("0", "2") or said.startswith("Error: "), (command, said)
                except BaseException as error:
                    error.add_note(f"command: {command}")
                    raise


RATES = [
    name
    for name in COMMANDS
    for _, parser in parsers(name)
    if any(action.type is hertz for action in parser._actions)
]


@pytest.mark.parametrize("name", RATES)
def test_a_sampling_rate_that_is_none(name, folder, capsys):
    ((words, parser),) = parsers(name)
    with pytest.raises(SystemExit) as ended:
        main([*words, "--fs", "abc", *arguments(parser, "./file", False)])
    assert ended.value.code == 2
    assert "rate abc: expected a sampling rate such as 16k" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["--help"], *([name, "--help"] for name in COMMANDS)], ids=lambda words: words[0]
)
def test_a_pipe_that_is_closed(words):
    """As `espnet-recursive ... --help | head -0`; nothing is left to say."""
    read, write = os.pipe()
    os.close(read)
    process = subprocess.run(
        [sys.executable, "-m", "espnet_recursive.bin.main", *words],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=write,
        stderr=subprocess.PIPE,
    )
    os.close(write)
    assert process.stderr == b""
