"""ESPnet 3's stages with a recursive encoder, from the data to a pack."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
STAGES = "create_dataset train_tokenizer collect_stats train infer measure pack_model".split()


def test_all_stages(tmp_path):
    recipe = shutil.copytree(ROOT / "egs3/mini_an4/asr", tmp_path / "asr")
    training = yaml.safe_load((recipe / "conf/training.yaml").read_text())
    training["trainer"]["max_epochs"] = 2
    (recipe / "conf/training.yaml").write_text(yaml.safe_dump(training))
    configs = [
        f"--{role}_config=conf/{role}.yaml"
        for role in ("training", "inference", "metrics", "publication")
    ]
    done = subprocess.run(
        [sys.executable, "run.py", "--stages", *STAGES, *configs],
        cwd=recipe,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "num_loops=" in (recipe / "exp/training/train.log").read_text()
    metrics = json.loads((recipe / "exp/training/inference/metrics.json").read_text())
    assert {"train", "test"} <= set(str(metrics).replace("'", " ").split())
    packed = yaml.safe_load((recipe / "exp/training/model_pack/meta.yaml").read_text())
    assert packed
    config = (recipe / "exp/training/config.yaml").read_text()
    assert "latent_recursive_transformer" in config and "loop_policy: uniform" in config
