"""Lists for jobs: every utterance in one of them, and about as much work in each."""

import random
import subprocess
import sys

import pytest

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.data_dir import read_table, write_table
from espnet_recursive.recipe.split_scp import split_scp


@pytest.fixture
def scp(tmp_path):
    """A list of 23 utterances without lengths."""
    write_table(tmp_path / "wav.scp", {f"utt{n:02d}": f"{n}.wav" for n in range(23)})
    return tmp_path / "wav.scp"


def parts(directory, nj, name="keys"):
    files = [directory / f"{name}.{job}.scp" for job in range(1, nj + 1)]
    assert sorted(directory.glob(f"{name}.*.scp")) == sorted(files)
    return [read_table(path) for path in files]


@pytest.mark.parametrize("with_lengths", [False, True])
@pytest.mark.parametrize("nj", [1, 2, 5, 22, 23])
def test_partition(scp, tmp_path, nj, with_lengths):
    table = read_table(scp)
    if with_lengths:
        lengths = {key: (number * 7919) % 100 for number, key in enumerate(table)}
        write_table(tmp_path / "utt2num_samples", lengths)
    assert split_scp(scp, tmp_path / "out", nj) == nj
    lists = parts(tmp_path / "out", nj)
    assert sum(map(len, lists)) == len(table)
    joined = {}
    for part in lists:
        assert list(part) == sorted(part)
        joined |= part
    assert joined == table
    assert max(map(len, lists)) - min(map(len, lists)) <= 1


def test_never_more_jobs_than_utterances(scp, tmp_path):
    assert split_scp(scp, tmp_path / "out", 100) == 23
    assert [len(part) for part in parts(tmp_path / "out", 23)] == [1] * 23


def test_balanced_by_length(tmp_path):
    generator = random.Random(0)
    # Sorted by id, the second half is a hundred times as long: halves of the list would not do.
    lengths = {
        f"utt{n:03d}": generator.randint(1, 100) * (100 if n > 99 else 1) for n in range(200)
    }
    write_table(tmp_path / "text", lengths)
    write_table(tmp_path / "utt2num_samples", lengths)
    split_scp(tmp_path / "text", tmp_path / "out", 7)
    loads = [sum(map(int, part.values())) for part in parts(tmp_path / "out", 7)]
    assert sum(loads) == sum(lengths.values())
    assert max(loads) - min(loads) <= max(lengths.values())


def test_longest_first(scp, tmp_path):
    lengths = {key: (number * 7919) % 100 for number, key in enumerate(read_table(scp))}
    write_table(tmp_path / "utt2num_samples", lengths)
    split_scp(scp, tmp_path / "out", 2, longest_first=True)
    for part in parts(tmp_path / "out", 2):
        found = [lengths[key] for key in part]
        assert found == sorted(found, reverse=True)


def test_lists_of_an_earlier_split_go(scp, tmp_path):
    split_scp(scp, tmp_path / "out", 9)
    split_scp(scp, tmp_path / "out", 3, name="valid")
    assert split_scp(scp, tmp_path / "out", 4) == 4
    assert sum(map(len, parts(tmp_path / "out", 4))) == 23
    assert sum(map(len, parts(tmp_path / "out", 3, "valid"))) == 23


def test_same_input_same_lists(scp, tmp_path):
    for name in ("one", "two"):
        split_scp(scp, tmp_path / name, 4)
    assert parts(tmp_path / "one", 4) == parts(tmp_path / "two", 4)


def test_a_large_text_is_not_held_in_memory(tmp_path):
    """The text of a language model: 200 MB here, several gigabytes in LibriSpeech."""
    words = "WORD " * 40
    with (tmp_path / "lm_train.txt").open("w") as file:
        for number in range(1_000_000):
            file.write(f"librispeech_lng_{number:08d} {words}\n")
    code = """
import resource, sys
from espnet_recursive.recipe.split_scp import split_scp
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert split_scp(sys.argv[1], sys.argv[2], 3, "train") == 3
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    command = [sys.executable, "-c", code, tmp_path / "lm_train.txt", tmp_path / "out"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(result.stdout) < 20, "megabytes"
    lines = [(tmp_path / "out" / f"train.{job}.scp").read_bytes().count(b"\n") for job in (1, 2, 3)]
    assert lines == [333_334, 333_333, 333_333]


def test_empty_list(tmp_path):
    (tmp_path / "wav.scp").touch()
    with pytest.raises(UserError, match=r"wav\.scp is empty"):
        split_scp(tmp_path / "wav.scp", tmp_path / "out", 2)


def test_missing_list(tmp_path):
    with pytest.raises(UserError, match=r"wav\.scp does not exist"):
        split_scp(tmp_path / "wav.scp", tmp_path / "out", 2)


def test_only_lists_of_an_earlier_split_are_removed(tmp_path):
    for name in ("wav.all.scp", "wav.3.scp", "wav.3.1.scp"):
        (tmp_path / name).write_text("a a.wav\nb b.wav\n")
    assert split_scp(tmp_path / "wav.all.scp", tmp_path, 2, "wav") == 2
    names = ["wav.1.scp", "wav.2.scp", "wav.3.1.scp", "wav.all.scp"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
