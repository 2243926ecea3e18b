"""How two trainings differ, in words."""

import pytest

from espnet_recursive.recipe.fingerprint import fingerprint_of
from espnet_recursive.recipe.settings_differences import different_tokens, settings_differences
from tests.recipe.trainings import write_statistics


def differences(trained, now):
    return list(settings_differences(trained, now))


@pytest.mark.parametrize(
    ("trained", "now", "expected"),
    [
        (5, 2, "key: trained with 5, now 2"),
        (1, True, "key: trained with 1, now true"),
        (5, 5.0, "key: trained with 5, now 5.0"),
        (None, "x", 'key: trained with null, now "x"'),
        ({}, {"a": 1}, "key.a: trained with nothing, now 1"),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, "key.a.b: trained with 1, now 2"),
        ({"a": 1}, {}, "key.a: trained with 1, now nothing"),
        ([1, 2], [2, 1], "key: trained with [1, 2], now [2, 1]"),
        ("a/b", "c/b", 'key: trained with "a/b", now "c/b"'),
        ("adam", None, 'key: trained with "adam", now null'),
    ],
)
def test_values(trained, now, expected):
    assert differences({"key": trained}, {"key": now}) == [expected]
    assert differences({"key": trained}, {"key": trained}) == []


def test_keys_that_only_one_has():
    assert differences({"a": 1}, {"b": 2}) == [
        "a: trained with 1, now nothing",
        "b: trained with nothing, now 2",
    ]


def test_not_a_number_is_itself():
    assert differences({"a": float("nan")}, {"a": float("nan")}) == []


def test_a_path_that_was_made_absolute_is_the_same():
    assert differences({"a": "exp/x.txt"}, {"a": "/nowhere/exp/x.txt"}) == []
    assert differences({"a": "/nowhere/exp/x.txt"}, {"a": "exp/x.txt"}) == []
    assert differences({"a": "exp/x.txt"}, {"a": "/nowhere/other/x.txt"}) != []
    assert differences({"a": ""}, {"a": "/nowhere"}) != []


def test_long_values_are_cut():
    (text,) = differences({"a": "x" * 500}, {"a": "y"})
    assert len(text) < 120 and '..., now "y"' in text


def test_tokens():
    tokens = list("ABCD")
    swapped = list("ABDC")
    (text,) = differences({"token_list": tokens}, {"token_list": swapped})
    assert text == "token_list: 2 of 4 tokens differ, the first is number 2: 'C' there, 'D' here"
    assert different_tokens(tokens, tokens[:3]) == "4 tokens there, 3 here"
    assert len(different_tokens(tokens, [*tokens[:3], "x" * 1000])) < 200


def test_files_count_by_their_content(tmp_path):
    for name, text in (("a", "x"), ("b", "x"), ("c", "y")):
        (tmp_path / name).write_text(text)
    a, b, c, gone = (
        fingerprint_of({"bpemodel": str(tmp_path / name)}).settings for name in ("a", "b", "c", "d")
    )
    assert differences(a, b) == []
    assert differences(a, c) == [f"bpemodel ({tmp_path}/c) has another content than in training"]
    assert differences(a, gone) == [f"bpemodel ({tmp_path}/d) is not there"]
    (tmp_path / "a").unlink()
    assert differences(a, fingerprint_of({"bpemodel": str(tmp_path / "a")}).settings) == []
    assert differences(a, {"bpemodel": None}) != []


def test_statistics_count_by_mean_and_deviation(tmp_path):
    def data(name, **options):
        path = write_statistics(tmp_path / f"{name}.npz", **options)
        config = {"normalize": "global_mvn", "normalize_conf": {"stats_file": str(path)}}
        return fingerprint_of(config, with_data=True).data

    first = data("a")
    assert differences(first, data("b")) == []
    assert differences(first, data("c", shift=1e-6)) == [], "sums in another order"
    (text,) = differences(first, data("d", shift=0.1))
    assert "normalize_conf.stats_file" in text and "another content" in text
