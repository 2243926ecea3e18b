"""The text of a language model: one from several, without what has no words."""

import pytest
from espnet2.fileio.read_text import read_2columns_text

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.lm_text import write_lm_text


@pytest.fixture
def texts(tmp_path):
    contents = ["\ufeffa1 A\u3000B\r\na2\r\na3 \xa0\r\na4 C\x85D\u2028E\n", "b1 F  G"]
    paths = [tmp_path / f"text{number}" for number in range(2)]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content.encode())
    return paths


def test_several_texts_are_one(texts, tmp_path):
    output = tmp_path / "out" / "lm.txt"
    assert write_lm_text(texts, output) == 3
    assert output.read_bytes() == b"a1 A B\na4 C D E\nb1 F G\n"
    assert read_2columns_text(output) == {"a1": "A B", "a4": "C D E", "b1": "F G"}
    before = output.stat()
    write_lm_text(texts, output)
    assert output.stat().st_mtime_ns == before.st_mtime_ns
    write_lm_text(texts[1:], output)
    assert output.read_text() == "b1 F G\n"
    assert [path.name for path in output.parent.iterdir()] == ["lm.txt"]


def test_no_sentence(tmp_path):
    (tmp_path / "text").write_text("a\nb \n")
    with pytest.raises(UserError, match="text: no line has words"):
        write_lm_text([tmp_path / "text"], tmp_path / "lm.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["text"]
