"""The command that prints settings on which statistics or the use of a model depend."""

import pytest

from espnet_recursive.bin.settings_of import main


def test_statistics(capsys, tmp_path):
    config = tmp_path / "train.yaml"
    config.write_text("max_epoch: 3\nfrontend_conf: {n_fft: 400}\n")
    main(["--config", str(config), "statistics", "--max_epoch", "3", "--token_type", "char"])
    assert capsys.readouterr().out == (
        '{"arguments": [["--token_type", "char"]], "config": {"frontend_conf": {"n_fft": 400}}}\n'
    )
    main(["statistics"])
    assert capsys.readouterr().out == '{"arguments": [], "config": {}}\n'


def test_model(capsys, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("max_epoch: 3\nencoder: transformer\n")
    main(["--config", str(config), "model"])
    assert capsys.readouterr().out == '{"encoder": "transformer"}\n'


def test_a_model_has_a_config(capsys):
    with pytest.raises(SystemExit):
        main(["model"])
    assert "of a model, --config is required" in capsys.readouterr().err
