"""The command of stage 1."""

import pytest

from espnet_recursive.bin.prepare_data import main


def test_directories_are_written_and_named(recipe_dir, tmp_path, capsys):
    downloads = ["--download_dir", str(recipe_dir / "downloads")]
    main(["mini_an4", "--data_dir", str(tmp_path / "data"), *downloads])
    named = capsys.readouterr().out.splitlines()
    assert named == [str(tmp_path / "data" / name) for name in ("train", "dev", "test")]
    for name in ("train", "dev", "test"):
        for table in ("wav.scp", "text", "utt2spk", "spk2utt"):
            written = (tmp_path / "data" / name / table).read_text()
            assert written == (recipe_dir / "data" / name / table).read_text()


def test_unknown_corpus(capsys):
    with pytest.raises(SystemExit):
        main(["librispech"])
    assert "mini_an4" in capsys.readouterr().err
