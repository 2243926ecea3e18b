"""The wheel alone, without a checkout: encoder files and recipes are in it, nothing of users is."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_NOT_COPIED = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "tests", "docs")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy of the checkout in which a recipe was run."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    shutil.copytree(ROOT, source, symlinks=True, ignore=_NOT_COPIED)
    written = source / "egs2/an4/asr1/exp/model/1epoch.pth"
    written.parent.mkdir(parents=True, exist_ok=True)
    written.touch()
    subprocess.run(
        [sys.executable, "setup.py", "-q", "bdist_wheel", "--dist-dir", str(folder)],
        cwd=source,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel):
    """A function that runs a command with the wheel, in an empty folder of its own."""
    site, work = wheel.parent / "site", wheel.parent / "work"
    work.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # The checkout is not on the path: the environment may have it, in an editable installation.
    environment = os.environ | {"PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"

    def run(*command, cwd=work):
        result = subprocess.run(
            command, cwd=cwd, env=environment, stdout=-1, stderr=subprocess.STDOUT, text=True
        )
        assert result.returncode == 0, result.stdout
        return result.stdout

    code = "import espnet_recursive; print(espnet_recursive.__file__)"
    assert run(sys.executable, "-c", code).startswith(str(site))
    return run


def test_nothing_of_users_is_in_it(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "espnet_recursive/share/conf/encoder/L1.yaml" in names
    assert "espnet_recursive/share/egs2/librispeech/asr1/asr.sh" in names
    page = (ROOT / "espnet_recursive/export/web").iterdir()
    assert {f"espnet_recursive/export/web/{file.name}" for file in page} <= set(names)
    assert not [name for name in names if "/exp/" in name or name.endswith(".pth")]


def test_encoder_files_and_a_recipe_without_a_checkout(installed):
    command = (sys.executable, "-m", "espnet_recursive.bin.main")
    assert "{4, 5, 2, 2}" in installed(*command, "conf", "show", "L1")
    assert "25,219,072" in installed(*command, "parameter-table", "L1")
    installed(*command, "recipe", "new", "mine", "--from", "mini_an4")
    folder = Path(installed("pwd").strip()) / "mine"
    stages = ("--stop_stage", "4", "--encoder_config", "R3")
    assert "finished in" in installed("./run.sh", *stages, cwd=folder)
    assert (folder / "dump/raw/train/wav.scp").exists()
