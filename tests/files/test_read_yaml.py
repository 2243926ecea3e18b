"""YAML files: what holds a mapping is read, everything else is named."""

import time

import pytest
import yaml

from espnet_recursive.errors import UserError
from espnet_recursive.files import read_yaml as module
from espnet_recursive.files.read_yaml import read_yaml


def refuses(path, message):
    with pytest.raises(UserError, match=message) as caught:
        read_yaml(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value), "one sentence"


@pytest.fixture
def refuses_text(tmp_path):
    """Write a file, and see it refused in no time."""

    def run(content, message):
        path = tmp_path / "a.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        start = time.perf_counter()
        refuses(path, message)
        assert time.perf_counter() - start < 5

    return run


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
    refuses("a\0b", "cannot be read: embedded null")


def test_what_pyyaml_reads_is_read_alike(tmp_path):
    """Of ESPnet's words and of what its trainings write; the loader here is another one."""
    shared = [1, 2.5]
    values = {
        "token_list": ["<blank>", "▁a", "yes", "no", "null", "1", "1e3", "'", '"', "#", ":", "~"],
        "optim_conf": {"lr": 0.0025, "betas": shared, "eps": 1e-08, "weight_decay": None},
        "again": shared,  # PyYAML writes it as an alias
        "nothing": {},
        "text": "two\nlines",
    }
    text = yaml.safe_dump(values) + "lr: 1e-3\nlarge: 1.0e+9\non: off\nhex: 0x10\n"
    assert "*id001" in text
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    assert read_yaml(tmp_path / "a.yaml") == yaml.safe_load(text)


def test_the_mark_of_windows_at_the_beginning(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfoptim: adam\r\nencoder: conformer\r\n")
    assert read_yaml(tmp_path / "a.yaml") == {"optim": "adam", "encoder": "conformer"}


@pytest.mark.parametrize(
    "content, message",
    [
        (b"\x80\x04\x95", "is not YAML but binary, or text that is not in UTF-8: .* at byte 0"),
        (b"optim: adam\nname: \xe9t\xe9\n", "not in UTF-8: .* at byte 18"),
        ("optim: adam".encode("utf-16"), "is text in UTF-16: save it as UTF-8"),
        (b"a: \0", "is not YAML: unacceptable character"),
        (b"PK\x03\x04\x14\0\0\0", "is not YAML"),
    ],
)
def test_what_is_no_text(refuses_text, content, message):
    refuses_text(content, message)


@pytest.mark.parametrize(
    "content",
    [
        "a: !!python/object/apply:os.system [ls]",
        "a: !!python/name:os.system",
        "a: !!bool maybe",
        "a: !!int ''",
        "a: !!float word",
        "a: 2001-99-99",
        "a: " + "1" * 5000,
        "a: 0x" + "f" * 100_000,
        "a: !!binary 'abc%'",
        "a: *none",
        "? [a]\n: b",
        "<<: [1]",
        "a: 1\n---\nb: 2",
    ],
)
def test_values_that_cannot_be_made(refuses_text, content):
    refuses_text(content, "is not YAML|has a number of [0-9,]+ digits")


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ("a: 1\nb: 2\na: 3\n", (3, "a", 1)),
        ("a:\n  b: 1\n  c: [x, {b: 1}]\n  b: 2\n", (4, "b", 2)),
        ("- {a: 1, b: {a: 1}}\n- {b: [],\n   b: {}}\n", (3, "b", 2)),
        ("? [a, b]\n: {a: 1}\n? a\n: *x\na: 1\n", (5, "a", 3)),
        ("1: a\n'1': b\n1: c\n", (3, "1", 1)),
    ],
)
def test_a_key_twice(refuses_text, content, lines):
    line, key, first = lines
    refuses_text(content, f"line {line}: the key '{key}' is in line {first} already")


def test_keys_of_several_mappings(tmp_path):
    text = "base: &base {a: 1, b: 2}\nmore: {<<: *base, b: 3}\nlist: [{a: 1}, {a: 2}]\n"
    text += "two: {<<: *base, <<: {c: 4}}\n"
    (tmp_path / "a.yaml").write_text(text)
    values = read_yaml(tmp_path / "a.yaml")
    assert values["more"] == {"a": 1, "b": 3} and values["two"] == {"a": 1, "b": 2, "c": 4}


def test_aliases_that_multiply(refuses_text):
    """Nine lists of nine lists of ...: 31 billion values in a kilobyte."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    for level in range(1, 11):
        repeats = ", ".join([f"*a{level - 1}"] * 9)
        lines.append(f"a{level}: &a{level} [{repeats}]")
    refuses_text("\n".join(lines), "too many values: .* that aliases repeat")


def test_merges_that_multiply(refuses_text):
    keys = ", ".join(f"k{number}: 0" for number in range(1000))
    lines = [f"base: &base {{{keys}}}"]
    lines += [f"c{number}: {{<<: *base}}" for number in range(1000)]
    refuses_text("\n".join(lines), "too many values")


@pytest.mark.parametrize("content", ["a: &a [*a]", "a: &a {b: {c: *a}}", "&a a: [*b]\nb: &b [*b]"])
def test_a_value_within_itself(refuses_text, content):
    refuses_text(content, "stands in the very value that it names|undefined alias")


@pytest.mark.parametrize("depth", [60, 900, 1_000_000])
@pytest.mark.parametrize("left, right", [("[", "]"), ("{a: ", "}"), ("- ", "")])
def test_deep_nesting(refuses_text, depth, left, right):
    lead = "a:\n  " if left == "- " else "a: "
    content = lead + left * depth + "x" + right * depth
    refuses_text(content, "nested deeper than 50|exceeded maximum nesting|did not find|too large")


def test_deep_enough_for_any_configuration(tmp_path):
    (tmp_path / "a.yaml").write_text("a: " + "[" * 40 + "]" * 40)
    assert list(read_yaml(tmp_path / "a.yaml")) == ["a"]


def test_too_many_bytes(refuses_text):
    refuses_text(b"a: '" + b"x" * module.MAX_BYTES + b"'", "too large for a YAML")
    refuses("/dev/zero", "too large for a YAML")


def test_too_many_values(refuses_text, monkeypatch):
    monkeypatch.setattr(module, "MAX_VALUES", 1000)
    refuses_text("a: [" + "1, " * 1000 + "1]", "too many values: more than 1,000")


def test_a_vocabulary_of_a_quarter_of_a_million(tmp_path):
    tokens = [f"▁token{number}" for number in range(250_000)]
    lines = "".join(f"- {token}\n" for token in tokens)
    (tmp_path / "a.yaml").write_text(f"token_list:\n{lines}", encoding="utf-8")
    assert read_yaml(tmp_path / "a.yaml") == {"token_list": tokens}


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
