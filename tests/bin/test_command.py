"""What the commands have in common."""

import pytest

from espnet_recursive.bin.command import command, parser
from espnet_recursive.errors import UserError


def test_user_error_is_a_message_and_status_1(run_python):
    script = """
from espnet_recursive.bin.command import command
from espnet_recursive.errors import UserError

@command
def main(cmd=None):
    raise UserError("x.yaml, line 3: mend it")

main()
"""
    result = run_python("-c", script)
    assert result.returncode == 1
    assert result.stderr == "Error: x.yaml, line 3: mend it\n"
    assert result.stdout == ""


def test_other_errors_are_not_hidden():
    @command
    def main(cmd=None):
        raise KeyError("a mistake of ours")

    with pytest.raises(KeyError):
        main([])


def test_cause_is_kept_for_those_who_look():
    @command
    def main(cmd=None):
        raise UserError("x")

    with pytest.raises(SystemExit) as raised:
        main([])
    assert isinstance(raised.value.__cause__, UserError)


def test_help_shows_defaults_where_they_say_something():
    p = parser("What it does.\n\n    indented as it is\n")
    p.add_argument("--nj", type=int, default=4, help="jobs")
    p.add_argument("--flag", action="store_true", help="a flag")
    p.add_argument("--path", help="a path")
    text = p.format_help()
    assert "jobs (default: 4)" in text
    assert text.count("default") == 1
    assert "\n    indented as it is\n" in text


def test_full_disk_is_a_message_and_status_1(run_python):
    script = """
from espnet_recursive.bin.command import command

@command
def main(cmd=None):
    with open("/dev/full", "w") as file:
        file.write("x")

main()
"""
    result = run_python("-c", script)
    assert result.returncode == 1
    assert result.stderr.startswith("Error: no space left on the disk. Free some and run again")
    assert "Traceback" not in result.stderr
