"""The console script, and what every command keeps to."""

import argparse
import subprocess
import sys
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from espnet_recursive.bin import main as console
from espnet_recursive.bin.main import COMMANDS, GROUPS, main

BIN = Path(console.__file__).parent


def module_of(name):
    return import_module(f"espnet_recursive.bin.{name.replace('-', '_')}")


@pytest.fixture(autouse=True)
def keep_argv(monkeypatch):
    """The console script names itself in sys.argv."""
    monkeypatch.setattr(sys, "argv", ["pytest"])


def test_every_module_is_a_command():
    modules = {path.stem.replace("_", "-") for path in BIN.glob("*.py")}
    # asr_inference is ESPnet's command with more options: it has ESPnet's name and help.
    assert modules - {
        "--init--",
        "any-size-option",
        "command",
        "device-option",
        "hidden-states-options",
        "main",
        "asr-inference",
    } == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_parser(name):
    parser = module_of(name).get_parser()
    assert isinstance(parser, argparse.ArgumentParser)
    text = parser.format_help()
    # The help is the module's docstring, and every option says what it is for.
    assert parser.description == module_of(name).__doc__
    assert text.startswith("usage: ")
    assert all(action.help for action in parser._actions)


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("underscores", [False, True])
def test_help(name, underscores, capsys):
    with pytest.raises(SystemExit) as raised:
        main([name.replace("-", "_") if underscores else name, "--help"])
    assert raised.value.code == 0
    output = capsys.readouterr().out
    assert output.startswith(f"usage: espnet-recursive {name} ")


@pytest.mark.parametrize("name", COMMANDS)
def test_unknown_option(name, capsys):
    with pytest.raises(SystemExit) as raised:
        main([name, "--no-such-option", "x"])
    assert raised.value.code == 2
    assert "usage: " in capsys.readouterr().err


def test_list_of_commands(capsys):
    with pytest.raises(SystemExit) as raised:
        main(["--help"])
    assert raised.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    for title, commands in GROUPS.items():
        start = lines.index(title) + 1
        listed = [line.split() for line in lines[start : start + len(commands)]]
        assert listed == [[name, *does.split()] for name, does in commands.items()]
    assert max(map(len, lines)) <= 100


def test_a_command_is_in_one_group():
    names = [name for commands in GROUPS.values() for name in commands]
    assert sorted(set(names)) == sorted(names) == sorted(COMMANDS)


def test_no_command_is_a_mistake(capsys):
    with pytest.raises(SystemExit) as raised:
        main([])
    assert raised.value.code == 2
    assert "parameter-table" in capsys.readouterr().out


def test_unknown_command():
    with pytest.raises(SystemExit, match="no command 'trian'; see espnet-recursive --help"):
        main(["trian"])


def test_helps_do_not_wait_for_espnet(run_python):
    """Importing a task of ESPnet takes seconds, which nobody who asks for help should wait for."""
    script = (
        "import sys\nfrom importlib import import_module\n"
        "from espnet_recursive.bin.main import COMMANDS\n"
        "for name in COMMANDS:\n"
        "    import_module('espnet_recursive.bin.' + name.replace('-', '_')).get_parser()\n"
        "print([name for name in sys.modules if name.startswith('espnet2.tasks')])\n"
    )
    result = run_python("-c", script)
    assert result.stdout == "[]\n", result.stderr


def test_console_script_is_this_function():
    scripts = [script for script in entry_points(group="console_scripts")
               if script.name == "espnet-recursive"]  # fmt: skip
    if not scripts:
        pytest.skip("the package is not installed, only on the path")
    assert scripts[0].load() is main


def test_as_a_module(tmp_path):
    """`python -m espnet_recursive.bin.<name>` is the same command; its errors have no traceback."""
    result = subprocess.run(
        [sys.executable, "-m", "espnet_recursive.bin.split_scp", "no.scp", "out"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(BIN.parents[1])},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert result.stderr.startswith("Error: no.scp does not exist.")
    assert "Traceback" not in result.stderr
