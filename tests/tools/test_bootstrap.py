"""tools/bootstrap.sh on machines of every kind, made of a PATH and a pyenv folder.

The Python it chooses is a real one (the one that runs the tests); uv is a stand-in that writes down
what it is asked for, as a real installation takes minutes.
"""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
REAL_PYTHON = Path(sys.executable).resolve()
VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
COMMANDS = "bash cat cksum dirname env flock grep mkdir mv rm sed sleep sort tail".split()

# What uv is asked for, and with which settings, goes to calls.txt. Beside it, a file `fail` makes
# installing fail, and a file `hang` makes it last until it is killed.
UV = """
    #!/usr/bin/env bash
    here=$(dirname "$0")
    echo "$1 $2 index=${UV_DEFAULT_INDEX:-} cert=${SSL_CERT_FILE:-}" >>"$here/calls.txt"
    case "$1 $2" in
        "venv --python") mkdir -p "$4/bin" && ln -s "$3" "$4/bin/python" ;;
        "pip install")
            [[ ! -e $here/hang ]] || sleep 60
            [[ ! -e $here/fail ]] || { echo no network; exit 1; }
            ;;
        "python install") echo downloads are off; exit 1 ;;
        "python find") exit 2 ;;
    esac
"""


def write_script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text).lstrip(), encoding="utf-8")
    path.chmod(0o755)
    return path


class Machine:
    """A clone of the repository and the only commands that it can reach."""

    def __init__(self, root: Path):
        self.clone = root / "a clone"
        self.bin = root / "bin"
        self.pyenv = root / "pyenv"
        self.bin.mkdir(parents=True)
        for name in [*COMMANDS, "ln"]:
            self.link(self.bin / name, shutil.which(name))
        for name in ["tools/bootstrap.sh", "setup.py", "pyproject.toml"]:
            (self.clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPO / name, self.clone / name)
        package = self.clone / "espnet_recursive"
        package.mkdir()
        (package / "__init__.py").write_text('__version__ = "0.1.0"\n', encoding="utf-8")

    @staticmethod
    def link(path: Path, target: str | Path | None) -> Path:
        assert target, path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)
        return path

    def python(self, path: Path, first: str = "") -> Path:
        """Put the real Python there; `first` is run before what it is asked to run."""
        if not first:
            return self.link(path, REAL_PYTHON)
        code = path.with_name(f"{path.name}.py")
        write_script(code, f"import sys, sysconfig\n{first}\nexec(sys.argv[1])\n")
        return write_script(path, f'#!/usr/bin/env bash\nexec {REAL_PYTHON} "{code}" "$2"\n')

    def old_python(self, path: Path, version: str = "3.11") -> Path:
        numbers = version.replace(".", ", ")
        return self.python(path, f"sys.version_info = ({numbers}, 0, 'final', 0)")

    def refusing_shim(self, name: str) -> None:
        message = f"pyenv: {name}: command not found"
        write_script(self.bin / name, f"#!/usr/bin/env bash\necho '{message}' >&2\nexit 127\n")

    def uv(self) -> None:
        write_script(self.bin / "uv", UV)

    @property
    def uv_calls(self) -> list[str]:
        calls = self.bin / "calls.txt"
        lines = calls.read_text(encoding="utf-8").splitlines() if calls.exists() else []
        return [line for line in lines if not line.startswith("--version")]

    def command(self, *args: str) -> list[str]:
        return [str(self.bin / "bash"), str(self.clone / "tools/bootstrap.sh"), *args]

    def env(self, **extra: str) -> dict[str, str]:
        home = str(self.clone.parent)  # no settings of the user who runs the tests
        return {"PATH": str(self.bin), "HOME": home, "PYENV_ROOT": str(self.pyenv), **extra}

    def run(self, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*args), env=self.env(**env), capture_output=True, text=True, timeout=60
        )

    def which_python(self, **env: str) -> str:
        done = self.run("--which-python", **env)
        assert done.returncode == 0, done.stderr
        assert not (self.clone / ".tools").exists() and not (self.clone / ".venv").exists()
        return done.stdout.strip()


@pytest.fixture
def machine(tmp_path):
    # /usr/bin/python3 is asked for its venv module only where nothing else can make one.
    return Machine(tmp_path)


@pytest.fixture
def ready(machine):
    """A machine that has all that an installation needs."""
    machine.python(machine.bin / f"python{VERSION}")
    machine.uv()
    return machine


@pytest.mark.parametrize("name", [f"python{VERSION}", "python3"])
def test_python_on_the_path(machine, name):
    machine.python(machine.bin / name)
    assert machine.which_python() == str(machine.bin / name)


def test_refusing_shim_is_passed_over_for_pyenvs_own(machine):
    machine.refusing_shim("python3.12")
    machine.refusing_shim("python3.13")
    machine.old_python(machine.bin / "python3")
    path = machine.pyenv / f"versions/{VERSION}.1/bin/python{VERSION}"
    machine.python(path)
    assert machine.which_python() == str(path)


def test_the_newest_of_pyenvs(machine):
    for patch in (9, 10, 2):
        machine.python(machine.pyenv / f"versions/{VERSION}.{patch}/bin/python{VERSION}")
    assert f"/{VERSION}.10/" in machine.which_python()


def test_3_12_before_3_13(machine):
    for name in ("python3.13", "python3.12"):
        path = machine.bin / name
        machine.python(path, f"sys._base_executable = '{path}'")
    assert machine.which_python() == str(machine.bin / "python3.12")


def test_python_without_headers_is_passed_over(machine):
    machine.python(machine.bin / "python3.12", "sysconfig.get_path = lambda _: '/none'")
    machine.python(machine.bin / "python3")
    assert machine.which_python() == str(machine.bin / "python3")


def test_the_python_behind_a_virtual_environment(machine, tmp_path):
    # Else .venv, active in the user's shell and to be made anew, would be made with itself.
    active = tmp_path / "active"
    subprocess.run([REAL_PYTHON, "-m", "venv", "--without-pip", active], check=True)
    found = Path(machine.which_python(PATH=f"{active / 'bin'}:{machine.bin}"))
    assert found.resolve() == REAL_PYTHON
    assert active not in found.parents


def test_override_is_taken_before_all_others(machine, tmp_path):
    machine.python(machine.bin / f"python{VERSION}")
    mine = machine.python(tmp_path / "mine/python")
    assert machine.which_python(PYTHON=str(mine)) == str(mine)


@pytest.mark.parametrize("args", [["--which-python"], []])
@pytest.mark.parametrize("version", ["3.11", "3.14", "2.7"])
def test_override_of_a_wrong_version_is_an_error(ready, tmp_path, version, args):
    mine = ready.old_python(tmp_path / "mine/python", version)
    done = ready.run(*args, PYTHON=str(mine))
    assert done.returncode != 0 and not done.stdout
    assert f"PYTHON={mine} cannot be used" in done.stderr
    assert f"this is Python {version}" in done.stderr
    assert not (ready.clone / ".venv").exists()


def test_override_that_is_not_there_is_an_error(ready):
    done = ready.run("--which-python", PYTHON="/none/python3.12")
    assert done.returncode != 0
    assert "No such file" in done.stderr


@pytest.mark.parametrize("args", [["--which-python"], []])
def test_no_python_says_what_to_install(machine, args):
    machine.refusing_shim("python3.12")
    machine.old_python(machine.bin / "python3")
    machine.uv()  # which fetches nothing
    done = machine.run(*args)
    assert done.returncode != 0 and not done.stdout
    assert "apt-get install python3 python3-venv python3-dev gcc" in done.stderr
    assert "PYTHON=/path/to/python3.12" in done.stderr
    assert ("python install" in " ".join(machine.uv_calls)) == (not args)
    assert not (machine.clone / ".venv").exists()


def test_installs_once(ready):
    done = ready.run()
    assert done.returncode == 0, done.stderr
    assert f"using {ready.bin}/python{VERSION}" in done.stderr
    assert [call.split(" index")[0] for call in ready.uv_calls] == ["venv --python", "pip install"]

    again = ready.run()
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert len(ready.uv_calls) == 2


@pytest.mark.parametrize(
    "name, text",
    [
        ("setup.py", "# a new requirement\n"),
        ("pyproject.toml", "# a new setting\n"),
        ("espnet_recursive/__init__.py", '__version__ = "0.2.0"\n'),
    ],
)
def test_what_decides_the_installation_changes(ready, name, text):
    ready.run()
    with (ready.clone / name).open("a", encoding="utf-8") as file:
        file.write(text)
    assert "up to date" in ready.run().stderr
    assert ready.run().stderr == ""
    calls = [call.split(" index")[0] for call in ready.uv_calls]
    assert calls == ["venv --python", "pip install", "pip install"]


def test_failure_shows_the_log_and_is_made_good_next_time(ready):
    (ready.bin / "fail").touch()
    done = ready.run()
    assert done.returncode != 0
    assert "no network" in done.stderr
    assert f"{ready.clone}/.tools/install.log" in done.stderr

    (ready.bin / "fail").unlink()
    (ready.clone / ".venv/left-over").touch()
    assert ready.run().returncode == 0
    assert not (ready.clone / ".venv/left-over").exists()
    assert ready.run().stderr == ""


@pytest.mark.parametrize("when", ["first", "update"])
def test_killed_installation_is_made_anew(ready, when):
    if when == "update":
        ready.run()
        with (ready.clone / "setup.py").open("a", encoding="utf-8") as file:
            file.write("# a new requirement\n")
    before = len(ready.uv_calls)
    (ready.bin / "hang").touch()
    process = subprocess.Popen(
        ready.command(), env=ready.env(), start_new_session=True, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 30
    while not any("pip install" in call for call in ready.uv_calls[before:]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()

    (ready.bin / "hang").unlink()
    (ready.clone / ".venv/left-over").touch()
    assert ready.run().returncode == 0
    assert not (ready.clone / ".venv/left-over").exists()


def test_another_folder_or_another_python_is_made_anew(ready, tmp_path):
    ready.run()
    mine = ready.python(tmp_path / "mine/python")
    assert f"using {mine}" in ready.run(PYTHON=str(mine)).stderr
    assert ready.run(PYTHON=str(mine)).stderr == ""
    assert ready.run().stderr == ""  # no wish is no reason to change it

    ready.clone = ready.clone.rename(tmp_path / "moved")
    assert f"using {ready.bin}/python{VERSION}" in ready.run().stderr


def test_python_that_is_gone_is_replaced(ready):
    path = ready.bin / f"python{VERSION}"
    ready.run()
    path.unlink()
    ready.python(ready.bin / "python3")
    assert f"using {ready.bin}/python3\n" in ready.run().stderr


def test_environment_of_the_users_own_is_not_removed(ready):
    theirs = ready.clone / ".venv/theirs"
    theirs.parent.mkdir()
    theirs.touch()
    done = ready.run()
    assert done.returncode != 0 and theirs.exists()
    assert "was not made by this script" in done.stderr


def test_two_at_once_install_once(ready):
    processes = [
        subprocess.Popen(ready.command(), env=ready.env(), stderr=subprocess.DEVNULL)
        for _ in range(2)
    ]
    assert [process.wait(timeout=60) for process in processes] == [0, 0]
    assert sum("pip install" in call for call in ready.uv_calls) == 1


def test_pip_settings_reach_uv(ready):
    ready.run(PIP_INDEX_URL="https://mirror.example/simple", PIP_CERT="/certs/mine.pem")
    assert ready.uv_calls[-1].endswith("index=https://mirror.example/simple cert=/certs/mine.pem")


def test_pip_configuration_file_reaches_uv(ready, tmp_path):
    if subprocess.run([REAL_PYTHON, "-m", "pip", "--version"], capture_output=True).returncode:
        pytest.skip("this Python has no pip that could be asked")
    config = tmp_path / "pip.conf"
    config.write_text("[global]\nindex-url = https://mirror.example/simple\n", encoding="utf-8")
    ready.run(PIP_CONFIG_FILE=str(config))
    assert "index=https://mirror.example/simple" in ready.uv_calls[-1]


def test_uvs_own_settings_come_first(ready):
    mine = {"UV_DEFAULT_INDEX": "https://mine.example/simple", "SSL_CERT_FILE": "/certs/uv.pem"}
    ready.run(PIP_INDEX_URL="https://mirror.example/simple", PIP_CERT="/certs/pip.pem", **mine)
    assert ready.uv_calls[-1].endswith("index=https://mine.example/simple cert=/certs/uv.pem")


def test_unknown_option(machine):
    done = machine.run("--which")
    assert done.returncode != 0
    assert "unknown option --which" in done.stderr
