"""The recogniser that comes with the demo, on the two utterances that it has not heard."""

import subprocess
import zipfile

import yaml

from tests.egs2.conftest import ROOT, Recipe

PACK = ROOT / "egs2/mini_an4/asr1/pretrained/an4.zip"


def test_it_recognises_what_it_has_not_heard(tmp_path):
    recipe = Recipe(tmp_path)
    done = subprocess.run(
        ["local/recognise.sh"],
        cwd=recipe.dir,
        env=recipe.env | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    lines = [line.strip() for line in done.stdout.splitlines()]
    spoken = [line.split(maxsplit=1)[1] for line in lines if line.startswith("spoken:")]
    recognised = [line.split(maxsplit=1)[1] for line in lines if line.startswith("recognised:")]
    assert spoken == ["ELEVEN TWENTY SEVEN FIFTY SEVEN", "OCTOBER TWENTY FOUR NINETEEN SEVENTY"]
    # One word of ten is wrong: the model has 7.0 % WER on the whole test set.
    assert recognised == ["SEVEN TWENTY SEVEN FIFTY SEVEN", "OCTOBER TWENTY FOUR NINETEEN SEVENTY"]


def test_what_is_in_it():
    with zipfile.ZipFile(PACK) as archive:
        meta = yaml.safe_load(archive.read("meta.yaml"))
        texts = [archive.read(name) for name in archive.namelist()]
        card = archive.read("README.md").decode()
    assert PACK.stat().st_size < 5.5e6
    assert meta["recursion"] == {
        "prelude_blocks": 1, "recurrent_blocks": 2, "coda_blocks": 1, "num_loops": 5,
    }  # fmt: skip
    assert not any(
        folder in text for text in texts for folder in (b"/home/", b"/tmp/", b"/egs2/an4")
    )
    assert "stored in float16" in card and "|   7.0 |" in card
