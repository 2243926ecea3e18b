"""What the commands have in common."""

import os
import signal
import subprocess
import sys

import pytest

from espnet_recursive.bin.command import command, hertz, parser
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


@pytest.mark.parametrize("lines", [1, 100_000])
def test_nobody_reads_the_output(lines):
    """As after ``| head``, be it found at a print or at the end."""
    script = f"""
import sys
from espnet_recursive.bin.command import command

@command
def main(cmd=None):
    sys.stdin.read()
    for n in range({lines}):
        print("a line", n)

main()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=-1, stdout=-1, stderr=-1, cwd=os.getcwd()
    )
    process.stdout.close()
    process.stdin.close()
    with process.stderr as stderr:
        assert stderr.read() == b""
    assert process.wait() == 128 + signal.SIGPIPE


@pytest.mark.parametrize("code", ["'/no/such/folder/x', 'w'", "'/', 'w'", "'/dev/null/x'"])
def test_files_that_cannot_be(run_python, code):
    script = f"""
from espnet_recursive.bin.command import command

@command
def main(cmd=None):
    open({code})

main()
"""
    result = run_python("-c", script)
    assert result.returncode == 1
    assert result.stderr.startswith("Error: /") and result.stderr.count("\n") == 1
    assert "Check that it is there and may be read, or written to." in result.stderr


@pytest.mark.parametrize("variables", [{}, {"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}])
def test_any_text_is_printed(tmp_path, variables):
    """Words of any script, and names of files that are not in UTF-8 as they are."""
    script = """
import os
from espnet_recursive.bin.command import command

@command
def main(cmd=None):
    print("音", os.fsdecode(b"\\xff.wav"))

main()
"""
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, env=os.environ | variables
    )
    assert (result.returncode, result.stderr) == (0, b"")
    assert result.stdout == "音 ".encode() + b"\xff.wav\n"


def test_sampling_rates(capsys):
    p = parser("")
    p.add_argument("--fs", type=hertz, default="16k")
    rates = {"16k": 16000, "8000": 8000, "22.05k": 22050, "44.1kHz": 44100, "100": 100}
    assert {text: p.parse_args(["--fs", text]).fs for text in rates} == rates
    assert p.parse_args([]).fs == 16000
    for text in ("abc", "", "0", "-8k", "16kk", "nan", "1e4"):
        with pytest.raises(SystemExit):
            p.parse_args([f"--fs={text}"])
        assert f"rate {text}: expected a sampling rate such as 16k" in capsys.readouterr().err
