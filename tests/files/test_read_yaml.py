"""YAML files: what holds a mapping is read, everything else is named."""

import pytest

from espnet_recursive.errors import UserError
from espnet_recursive.files.read_yaml import read_yaml


def refuses(path, message):
    with pytest.raises(UserError, match=message) as caught:
        read_yaml(path)
    assert str(path) in str(caught.value)


def test_a_mapping(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("optim: adam\nencoder_conf:\n  a: 1\n")
    assert read_yaml(path) == {"optim": "adam", "encoder_conf": {"a": 1}}


def test_bad_yaml_names_the_line(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("optim: adam\nencoder_conf:\n  a: 1\n b: [2\n")
    refuses(path, "line 4")


def test_yaml_that_is_no_mapping(tmp_path):
    for name, content in (("list", "- a\n"), ("empty", ""), ("word", "adam\n")):
        path = tmp_path / f"{name}.yaml"
        path.write_text(content)
        refuses(path, "must hold keys and values")


def test_missing_yaml(tmp_path):
    refuses(tmp_path / "no.yaml", "cannot be read: No such file")
    refuses(tmp_path, "cannot be read")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04\x14\x00\x00\x08\xff\xfe", "is not YAML but binary, or .* not in UTF-8"),
        ("name: Zo\u00eb\n".encode("latin-1"), "is not YAML but binary, .* right file"),
        (b"a: \x00\x00\n", "is not YAML: "),
        (b"\x00" * 100, "is not YAML: "),
        (b"when: 2026-02-30\n", "is not YAML: day .* month"),
        (b"[" * 5000, "is not YAML: "),
    ],
)
def test_binary_files(tmp_path, content, message):
    path = tmp_path / "binary.yaml"
    path.write_bytes(content)
    refuses(path, message)
