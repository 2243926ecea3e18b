"""Encoder files on the screen and on the disk."""

import pytest

from espnet_recursive.bin.conf import main
from espnet_recursive.files.shared_files import encoder_file


def test_list_and_show(capsys):
    main(["list"])
    listed = capsys.readouterr().out
    assert "L1    " in listed and "{4, 5, 2, 2}" in listed and "Huginn" in listed
    main(["show", "L1"])
    assert capsys.readouterr().out == encoder_file("L1").read_text()


def test_copy(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    main(["copy", "L2"])
    main(["copy", "L2", "mine/own.yaml"])
    assert capsys.readouterr().out.split() == ["L2.yaml", "mine/own.yaml"]
    assert (tmp_path / "L2.yaml").read_text() == (tmp_path / "mine/own.yaml").read_text()
    with pytest.raises(SystemExit, match="Error: L2.yaml is there already"):
        main(["copy", "L2"])


def test_a_name_is_needed(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["show"])
    assert "show needs a NAME" in capsys.readouterr().err
