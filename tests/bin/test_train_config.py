"""The command that lays an encoder over a training YAML."""

import pytest
import yaml

from espnet_recursive.bin.train_config import main


def test_merged_file(tmp_path):
    (tmp_path / "train.yaml").write_text("encoder: rnn\nencoder_conf: {num_layers: 3}\nseed: 1\n")
    (tmp_path / "L1.yaml").write_text("encoder: transformer\nencoder_conf: {num_blocks: 2}\n")
    main(["--config", f"{tmp_path}/train.yaml", "--encoder_config", f"{tmp_path}/L1.yaml"]
         + ["--output", f"{tmp_path}/exp/out.yaml"])  # fmt: skip
    assert yaml.safe_load((tmp_path / "exp" / "out.yaml").read_text()) == {
        "encoder": "transformer",
        "encoder_conf": {"num_blocks": 2},
        "seed": 1,
    }


def test_error(tmp_path):
    (tmp_path / "train.yaml").write_text("seed: [1\n")
    with pytest.raises(SystemExit, match=r"Error: .*train\.yaml is not YAML(?s:.)*line 2"):
        main(["--config", f"{tmp_path}/train.yaml", "--output", f"{tmp_path}/out.yaml"])
    assert not (tmp_path / "out.yaml").exists()
