"""The command that writes a language model's text."""

from espnet_recursive.bin import lm_text


def test_command(tmp_path):
    (tmp_path / "a").write_text("a A\tB\n")
    (tmp_path / "b").write_text("b\nc C\n")
    lm_text.main([str(tmp_path / "a"), str(tmp_path / "b"), "--output", str(tmp_path / "lm.txt")])
    assert (tmp_path / "lm.txt").read_text() == "a A B\nc C\n"
