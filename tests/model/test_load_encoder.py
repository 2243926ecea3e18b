"""Encoders by name or YAML; what cannot be is a sentence."""

import pytest
import torch
import yaml

import espnet_recursive
from espnet_recursive import load_encoder
from espnet_recursive.errors import UserError
from espnet_recursive.files.shared_files import encoder_files

SMALL = {"output_size": 16, "attention_heads": 2, "linear_units": 24}


def test_a_row_by_its_name():
    encoder = load_encoder("L1", input_size=80, **SMALL)
    assert isinstance(encoder, espnet_recursive.LatentRecursiveTransformerEncoder)
    assert str(encoder.shape) == "{4, 5, 2, 2}"
    assert encoder.training
    out, lengths, _ = encoder(torch.randn(1, 48, 80), torch.tensor([48]))
    assert out.shape == (1, 11, 16) and lengths.tolist() == [11]


@pytest.mark.parametrize("name", [n for files in encoder_files().values() for n in files])
def test_every_file_that_comes_with_the_package(name):
    with torch.device("meta"):
        encoder = load_encoder(name)
    assert sum(weight.numel() for weight in encoder.parameters()) > 1e6


def test_a_training_yaml_and_its_options(tmp_path, monkeypatch):
    config = {"encoder": "latent_recursive_conformer", "encoder_conf": SMALL, "max_epoch": 3}
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(config))
    monkeypatch.chdir(tmp_path)
    for path in ("train.yaml", tmp_path / "train.yaml"):
        encoder = load_encoder(path, 20, num_loops=2, recurrent_blocks=1)
        assert (encoder.num_loops, encoder.recurrent_blocks, encoder.output_size()) == (2, 1, 16)
    config["encoder_conf"] = None
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(config))
    with torch.device("meta"):
        assert str(load_encoder("train.yaml").shape) == "{4, 5, 2, 2}"


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        (["L11"], {}, "L11 is no file, nor an encoder that comes with the package. Did you mean"),
        (["no/such.yaml"], {}, "no/such.yaml does not exist"),
        (["."], {}, r". is a folder. If it is that of a training"),
        (["stock.yaml"], {}, "stock.yaml: encoder is 'conformer', and .* latent_recursive_conform"),
        (["none.yaml"], {}, "none.yaml: encoder is None"),
        (["list.yaml"], {}, "list.yaml: encoder_conf must hold options and their values"),
        (["binary.yaml"], {}, "binary.yaml is not YAML but binary"),
        (["L1"], {"num_lops": 3}, "L1.yaml: .* has no key 'num_lops'. Did you mean 'num_loops'"),
        (["L1"], {"num_loops": 0}, "L1.yaml: num_loops must be 1 or more, not 0"),
        (["L1", 0], {}, "input_size must be an integer of 1 or more, not 0"),
        (["L1", "80"], {}, "input_size"),
        (["L1", 3], {}, "leaves nothing of 3 features a frame"),
    ],
)
def test_what_cannot_be(arguments, options, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stock.yaml").write_text("encoder: conformer\n")
    (tmp_path / "none.yaml").write_text("max_epoch: 3\n")
    (tmp_path / "list.yaml").write_text(
        "encoder: latent_recursive_conformer\nencoder_conf: [num_loops]\n"
    )
    (tmp_path / "binary.yaml").write_bytes(b"\x80\x02\xff\xfe")
    with pytest.raises(UserError, match=said):
        load_encoder(*arguments, **options)
