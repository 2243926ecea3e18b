"""The command behind --download_model."""

import pytest

from espnet_recursive.bin.download_model import main
from tests.publish.conftest import packed, private_home, recipe  # noqa: F401


def test_it_prints_what_the_stages_need(packed, tmp_path, capsys):  # noqa: F811
    main([str(packed), str(tmp_path / "exp")])
    lines = dict(line.split("=", 1) for line in capsys.readouterr().out.splitlines())
    assert lines["inference_asr_model"] == lines["inference_lm"] == "3epoch.pth"
    assert lines["token_type"] == "bpe" and lines["bpemodel"].endswith("data/en/bpe30/bpe.model")
    assert (tmp_path / "exp" / "lm" / "config.yaml").exists()


def test_errors_are_messages(tmp_path):
    with pytest.raises(SystemExit, match="Error: none.zip does not exist"):
        main(["none.zip", str(tmp_path / "exp")])
    assert not (tmp_path / "exp").exists()
