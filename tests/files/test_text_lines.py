"""One rule for lines and spaces."""

import pytest

from espnet_recursive.errors import UserError
from espnet_recursive.files.text_lines import plain_text, read_lines

#: All that Unicode calls a space, and what editors add.
SPACES = [" ", "\t", "\v", "\f", "\r", "\x1c", "\x1f", "\x85", "\xa0", "\u1680", "\u2003", "\u2028",
          "\u2029", "\u202f", "\u205f", "\u3000"]  # fmt: skip


@pytest.mark.parametrize("space", SPACES, ids=ascii)
def test_a_space_is_a_space(space, tmp_path):
    assert plain_text(f"{space}A{space}{space} B{space}") == "A B"
    (tmp_path / "text").write_text(f"a A{space}B\nb C{space}\n", encoding="utf-8", newline="")
    assert [plain_text(line) for line in read_lines(tmp_path / "text")] == ["a A B", "b C"]


def test_lines(tmp_path):
    (tmp_path / "text").write_bytes("\ufeffa A\r\nb\r\n\ufeffc C\n\nd".encode())
    assert list(read_lines(tmp_path / "text")) == ["a A", "b", "c C", "", "d"]


def test_other_characters_stay():
    text = "<noise> ＡＢ ä ß İ \u200d½"
    assert plain_text(text) == text


@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        ("utf-16", r"is not in UTF-8 but in UTF-16\. .* iconv -f UTF-16 -t UTF-8 .*/text"),
        ("utf-16-le", "zero byte, as text in UTF-16"),
        ("utf-32", "UTF-16"),
        ("gb18030", r"invalid .*\)\. .* iconv -f GB18030"),
    ],
)
def test_other_encodings_are_named(tmp_path, encoding, message):
    text = "a A\nb 是的\n" if encoding == "gb18030" else "a A\nb B\n"
    (tmp_path / "text").write_bytes(text.encode(encoding))
    with pytest.raises(UserError, match=message):
        list(read_lines(tmp_path / "text"))


def test_a_missing_file_is_told_at_once(tmp_path):
    with pytest.raises(UserError, match="nowhere does not exist"):
        read_lines(tmp_path / "nowhere")


@pytest.mark.parametrize(("content", "message"), [
    (b"a 1\rb 2\r", "ends its lines with carriage returns alone"),
    (b"\x1f\x8b\x08\x00", "is compressed"),
    ("ä b\n".encode("utf-16-le"), "iconv -f UTF-16LE"),
])  # fmt: skip
def test_what_is_no_text_is_named(tmp_path, content, message):
    (tmp_path / "text").write_bytes(content)
    with pytest.raises(UserError, match=message):
        list(read_lines(tmp_path / "text"))


def test_a_folder_is_no_text(tmp_path):
    with pytest.raises(UserError, match="is a folder, and no file"):
        read_lines(tmp_path)
