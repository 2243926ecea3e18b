"""The console script, and what every command keeps to."""

import argparse
import os
import re
import subprocess
import sys
from dataclasses import fields
from importlib import import_module
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest

import espnet_recursive
from espnet_recursive.analysis.paper.points import AXES
from espnet_recursive.bin import convert, plot_results, run_jobs
from espnet_recursive.bin import main as console
from espnet_recursive.bin.main import COMMANDS, GROUPS, main
from espnet_recursive.convert.layer_sources import METHODS
from espnet_recursive.recipe.workers import CLUSTERS
from espnet_recursive.recursion.shape import RecursionShape

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


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("trian", "no command 'trian'. See espnet-recursive --help"),
        ("transcibe", "no command 'transcibe'. Did you mean 'transcribe'? See"),
        ("sweep_loop", "no command 'sweep_loop'. Did you mean 'sweep-loops'? See"),
        ("hlep", "Did you mean 'help'?"),
    ],
)
def test_unknown_command(word, said):
    with pytest.raises(SystemExit, match=re.escape(said)):
        main([word])


def test_help_of_a_command(capsys):
    for words in (["help", "compare"], ["--help", "compare"], ["compare", "-h"]):
        with pytest.raises(SystemExit) as raised:
            main(words)
        assert raised.value.code == 0
        assert capsys.readouterr().out.startswith("usage: espnet-recursive compare ")
    with pytest.raises(SystemExit, match="Did you mean 'compare'"):
        main(["help", "compar"])


@pytest.mark.parametrize("word", ["--version", "-V", "version"])
def test_versions(word, capsys):
    main([word])
    ours, espnet, torch, python = capsys.readouterr().out.strip().split(", ")
    assert ours == f"espnet_recursive {espnet_recursive.__version__}"
    assert espnet == f"espnet {version('espnet')}" and torch == f"torch {version('torch')}"
    assert python.startswith("Python 3.")


def test_helps_do_not_wait_for_large_libraries(run_python):
    """All parsers are made in less time than importing one of these takes."""
    large = "torch scipy matplotlib dask distributed pydantic huggingface_hub espnet2 espnet3"
    script = (
        "import sys\nfrom importlib import import_module\n"
        "from espnet_recursive.bin.main import COMMANDS\n"
        "for name in COMMANDS:\n"
        "    import_module('espnet_recursive.bin.' + name.replace('-', '_')).get_parser()\n"
        f"print([name for name in {large.split()} if name in sys.modules])\n"
    )
    result = run_python("-c", script)
    assert result.stdout == "[]\n", result.stderr


def test_names_that_a_help_must_not_import():
    """They are written down a second time."""
    shape = {field.name: field.default for field in fields(RecursionShape)}
    assert {key: default for key, (default, _) in convert.SHAPE.items()} == shape
    assert convert.METHODS == tuple(METHODS)
    assert plot_results.AXES == AXES
    assert run_jobs.CLUSTERS == CLUSTERS


OLD_NAMES = {
    "sweep-loops": {
        "--loops": "--num_loops",
        "--criterion": "--loop_exit",
        "--thresholds": "--loop_exit_threshold",
        "--min_loops": "--loop_exit_min",
        "--inference_config": "--config",
    },
    "transcribe": {"--inference_config": "--config"},
    "pack": {"--output": "--outpath"},
    "convert stock": {"--output": "--output_dir"},
}


@pytest.mark.parametrize("words", OLD_NAMES)
def test_names_of_earlier_versions_and_of_other_commands(words):
    name, *direction = words.split()
    parser = module_of(name).get_parser()
    if direction:
        parser = next(a.choices[direction[0]] for a in parser._actions if a.dest == "direction")
    for old, new in OLD_NAMES[words].items():
        assert parser._option_string_actions[old] is parser._option_string_actions[new]


def test_an_option_of_a_depth_has_one_name():
    """Whatever command chooses depths calls them as Speech2Text does."""
    named = {"loop_exit", "loop_exit_threshold", "loop_exit_min"}
    for name in ("transcribe", "sweep-loops"):
        assert named <= {action.dest for action in module_of(name).get_parser()._actions}


@pytest.fixture(scope="module")
def completed(tmp_path_factory):
    """What bash offers after the words of a line, by the function that `completion` prints."""
    folder = tmp_path_factory.mktemp("completion")
    script = folder / "espnet-recursive"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m espnet_recursive.bin.main "$@"\n')
    script.chmod(0o755)
    (folder / "speech.wav").touch()
    code = """
eval "$(espnet-recursive completion bash)"
COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9
read -ra COMP_WORDS <<<"$1"
[[ $1 != *" " ]] || COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_python_argcomplete espnet-recursive "${COMP_WORDS[-1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""

    def run(line):
        path = f"{folder}:{os.environ['PATH']}"
        result = subprocess.run(
            ["bash", "-c", code, "bash", line],
            cwd=folder,
            env=os.environ | {"PATH": path, "PYTHONPATH": str(BIN.parents[1])},
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout.split()

    return run


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("espnet-recursive trans", ["transcribe"]),
        ("espnet-recursive loop", ["loop-trajectories"]),
        ("espnet-recursive transcribe --loop_exit_", ["--loop_exit_threshold", "--loop_exit_min"]),
        ("espnet-recursive transcribe --format ", ["json", "text"]),
        ("espnet-recursive transcribe sp", ["speech.wav"]),
        ("espnet-recursive convert st", ["stock"]),
        ("espnet-recursive layer_similarity --cka", ["--cka_frames"]),
    ],
)
def test_completion(completed, line, offered):
    assert set(completed(line)) >= set(offered)


def test_completion_of_other_shells(capsys):
    for shell in ("zsh", "fish"):
        main(["completion", shell])
        assert "espnet-recursive" in capsys.readouterr().out


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
