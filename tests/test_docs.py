"""What README.md, docs/ and the recipes' READMEs tell people to type, and where they point."""

import re
import shlex
import subprocess
from importlib import import_module
from pathlib import Path

import pytest

from espnet_recursive.bin.main import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("egs2/*/*/README.md")]
pages = pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))


def shell_lines(page):
    """The lines of a page's blocks that are no Python and no YAML, those that go on joined."""
    blocks = re.findall(r"^ *```(\w*)\n(.*?)^ *```", page.read_text(), re.M | re.S)
    shell = "".join(block for language, block in blocks if language in ("", "sh", "bash"))
    return re.sub(r"\\\n *", "", shell).splitlines()


def commands(page, name):
    """The words after `name` in the lines that run it, be it within $(...)."""
    within = re.compile(r"\$\(([^)]*)\)")
    for line in shell_lines(page):
        for command in [*within.sub("OUTPUT", line).split("&&"), *within.findall(line)]:
            first, *words = shlex.split(command, comments=True) or [""]
            if first == name and words:
                yield words


@pages
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        assert "://" in target or (page.parent / target).exists(), target


@pages
def test_commands_parse(page):
    for command, *arguments in commands(page, "espnet-recursive"):
        assert command in COMMANDS
        if "--" in arguments:  # what follows is another command's
            arguments = arguments[: arguments.index("--") + 2]
        module = import_module(f"espnet_recursive.bin.{command.replace('-', '_')}")
        module.get_parser().parse_args(arguments)


@pytest.fixture(scope="module")
def options():
    """The options of the stage driver, and those that a recipe or the driver of rows has more."""
    text = subprocess.run(
        ["./asr.sh", "--help"], cwd=ROOT / "egs2/TEMPLATE/asr1", capture_output=True, text=True
    ).stdout
    known = set(re.findall(r"^ +(--\w+) ", text, re.M))
    assert "--stage" in known
    rows = (ROOT / "egs2/TEMPLATE/asr1/paper_rows.sh").read_text()
    known |= {"--help"}
    return {
        "./run.sh": known | {"--subset"},
        "./run_paper.sh": known | set(re.findall(r"^    (--\w+) ", rows, re.M)),
    }


@pages
def test_options_of_recipes_are_known(page, options):
    for script, known in options.items():
        for arguments in commands(page, script):
            given = [word for word in arguments if re.fullmatch(r"--\w+", word)]
            assert set(given) <= known
