"""Names on which checkpoints, YAMLs, scripts and programs depend do not change unnoticed."""

import json

import pytest
from espnet2.utils.get_default_kwargs import get_default_kwargs

from espnet_recursive.registry import ENCODERS, encoder_class
from tests.public_surface.surface import REGENERATE, SURFACE, golden_file, main


def differences(before, after, path=()):
    """Lines that say what is not there any more, what is new, and what has another value."""
    if before == after:
        return []
    place = ": ".join(path)
    if isinstance(before, list) and isinstance(after, list):
        before, after = dict.fromkeys(before, ""), dict.fromkeys(after, "")
        if before == after:
            return [f"{place}: another order"]
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return [f"{place}: {before!r} is now {after!r}"]
    lines = [f"{place}: {key} is gone" for key in before.keys() - after.keys()]
    lines += [f"{place}: {key} is new" for key in after.keys() - before.keys()]
    for key in before.keys() & after.keys():
        lines += differences(before[key], after[key], (*path, key))
    return sorted(lines)


@pytest.mark.parametrize("name", SURFACE)
def test_it_is_as_it_was(name):
    before = json.loads(golden_file(name).read_text(encoding="utf-8"))
    after = json.loads(json.dumps(SURFACE[name]()))
    assert not (changed := differences(before, after, (name,))), (
        "the public surface has changed:\n  " + "\n  ".join(changed) + "\n"
        "Checkpoints, YAMLs, scripts and programs of users depend on these names. If the change "
        f"is meant, write it into CHANGELOG.md, run `{REGENERATE}` in the repository and commit "
        "what that writes; a name that is gone needs a way for its users to go on."
    )


@pytest.mark.parametrize("name", ENCODERS)
def test_every_key_of_the_stock_encoder_is_there(name):
    """With the defaults of ESPnet, where the recursion does not say otherwise."""
    cls = encoder_class(name)
    stock = next(base for base in cls.__mro__ if base.__module__.startswith("espnet2.asr"))
    ours, theirs = get_default_kwargs(cls), get_default_kwargs(stock)
    assert theirs.keys() <= ours.keys()
    assert {key for key in theirs if ours[key] != theirs[key]} <= {"num_blocks"}


def test_what_a_change_says():
    assert differences({"a": ["x", "y"], "b": 1}, {"a": ["y", "z"], "b": 2}, ("file",)) == [
        "file: a: x is gone",
        "file: a: z is new",
        "file: b: 1 is now 2",
    ]
    assert differences(["x", "y"], ["y", "x"], ("file",)) == ["file: another order"]
    assert differences({"a": None}, {"a": None}) == []


def test_a_deliberate_change_is_written(monkeypatch, tmp_path):
    monkeypatch.setattr("tests.public_surface.surface.HERE", tmp_path)
    monkeypatch.setattr("tests.public_surface.surface.SURFACE", {"part": lambda: {"new": ["x"]}})
    main()
    assert json.loads((tmp_path / "part.json").read_text()) == {"new": ["x"]}
