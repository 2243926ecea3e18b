"""The command that makes a recipe's folder; see tests/recipe/test_new_recipe.py."""

import pytest

from espnet_recursive.bin.recipe import main


def test_list_and_new(tmp_path, capsys):
    main(["list"])
    assert "librispeech     LibriSpeech, from the archives" in capsys.readouterr().out
    main(["new", str(tmp_path / "mine"), "--from", "mini_an4"])
    assert (tmp_path / "mine/run.sh").exists()
    with pytest.raises(SystemExit, match="is there already"):
        main(["new", str(tmp_path / "mine"), "--from", "mini_an4"])


def test_what_is_needed(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["new", "mine"])
    assert "new needs a FOLDER and --from CORPUS" in capsys.readouterr().err
