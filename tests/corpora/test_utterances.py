"""Tables of utterances, and the lengths of files."""

import numpy as np
import pytest
import soundfile

from espnet_recursive.corpora.utterances import Utterance, Utterances, num_samples
from espnet_recursive.errors import UserError
from espnet_recursive.recipe.data_dir import read_table


def test_written_as_a_data_directory(tmp_path):
    one, two = Utterances(), Utterances()
    one.add("b-2", Utterance("/audio/b-2.flac", "TWO", "b", 200))
    one.add("b-1", Utterance("/audio/b-1.flac", "ONE MORE", "b", 100))
    two.add("a-1", Utterance("/audio/a-1.flac", "ONE", "a", 300))
    Utterances.joined([one, two]).write(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "wav.scp": "a-1 /audio/a-1.flac\nb-1 /audio/b-1.flac\nb-2 /audio/b-2.flac\n",
        "text": "a-1 ONE\nb-1 ONE MORE\nb-2 TWO\n",
        "utt2spk": "a-1 a\nb-1 b\nb-2 b\n",
        "spk2utt": "a a-1\nb b-1 b-2\n",
        "utt2num_samples": "a-1 300\nb-1 100\nb-2 200\n",
    }


def test_an_id_comes_once():
    one, two = Utterances(), Utterances()
    one.add("a-1", Utterance("/x/a-1.flac", "ONE", "a", 300))
    two.add("a-1", Utterance("/y/a-1.flac", "ONE", "a", 300))
    with pytest.raises(UserError, match="a-1 comes twice: /x/a-1.flac and /y/a-1.flac"):
        Utterances.joined([one, two])


@pytest.mark.parametrize("name", ["x.flac", "x.wav"])
def test_length(name, tmp_path):
    soundfile.write(tmp_path / name, np.zeros(1234), 16000, subtype="PCM_16")
    assert num_samples(tmp_path / name) == 1234
    soundfile.write(tmp_path / name, np.zeros(0), 16000, subtype="PCM_16")
    with pytest.raises(UserError, match=f"{name} .*Unpack its archive again"):
        num_samples(tmp_path / name)
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(UserError, match=f"{name} cannot be read: .*Unpack its archive again"):
        num_samples(tmp_path / name)


def test_full_disk_while_writing(small_disk):
    disk = small_disk("64k")
    utterances = Utterances()
    for number in range(400):
        path = f"/corpus/a/{number:04d}.flac"
        utterances.add(f"a-{number:04d}", Utterance(path, "SOME WORDS", "a", 16000))
    (disk / "other").write_bytes(bytes(45_000))
    with pytest.raises(UserError, match=f"no space left on the disk of {disk}/train. Free some"):
        utterances.write(disk / "train")
    # Tables are whole, and wav.scp, which others look for, is not there.
    for path in (disk / "train").iterdir():
        assert path.name in ("text", "utt2spk", "spk2utt", "utt2num_samples")
        assert path.name == "spk2utt" or len(read_table(path)) == 400
    (disk / "other").unlink()
    utterances.write(disk / "train")
    assert len(read_table(disk / "train" / "wav.scp")) == 400
