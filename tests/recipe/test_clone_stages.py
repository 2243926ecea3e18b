"""ESPnet's own stages 12 and 14, through the runner, by ESPnet's file names."""

import subprocess
import sys
import zipfile
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def run(*arguments, cwd):
    command = [sys.executable, "-m", "espnet_recursive.run", *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_decoding_knows_the_depth(tmp_path):
    assert "--num_loops" in run("-m", "espnet2.bin.asr_inference", "--help", cwd=tmp_path)


def test_packing_finds_the_images(trainings, tmp_path):
    images = trainings.asr / "images"
    assert images.is_dir()
    run(
        *("-m", "espnet2.bin.pack", "asr"),
        *("--asr_train_config", str(trainings.asr / "config.yaml")),
        *("--asr_model_file", str(trainings.asr / "1epoch.pth")),
        *("--option", str(images), "--outpath", str(tmp_path / "x.zip")),
        cwd=tmp_path,
    )
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        assert [name for name in archive.namelist() if name.endswith("1epoch.pth")]


def test_trainings_keep_what_stage_12_decodes_with():
    """ESPnet's --inference_asr_model is valid.acc.ave.pth where there is attention."""
    for corpus in ("mini_an4", "an4", "librispeech", "aishell"):
        for path in sorted((ROOT / "egs2" / corpus / "asr1/conf").glob("train_asr*.yaml")):
            config = yaml.safe_load(path.read_text(encoding="utf-8"))
            if (config.get("model_conf") or {}).get("ctc_weight") != 1.0:
                criteria = config.get("best_model_criterion", [["valid", "acc", "max"]])
                assert ["valid", "acc", "max"] in criteria, path
