"""Audio and text as people have them, through stages 1 to 5 in FLAC and in WAV."""

import re

import numpy as np
import pytest
import soundfile

from espnet_recursive.recipe.data_dir import read_table
from tests.egs2.conftest import TINY, Recipe
from tests.files.audio_kinds import RATE, good_kinds, speech, wav

#: Words as editors leave them, with each kind of space, and as they are to be read.
LEFT = ["ONE\u3000TWO", "\xa0ONE TWO", "ONE\tTWO", "ONE\u2028TWO", "ONE\x85TWO ", "\ufeffONE  TWO"]
READ = "ONE TWO"
SAMPLES = 8001


def write_data(folder, wav_scp, segments=None, end="\r\n"):
    """A data directory, with a byte order mark and the line ends of Windows."""
    folder.mkdir(parents=True)
    keys = segments or wav_scp
    tables = {
        "wav.scp": wav_scp,
        "text": {key: LEFT[number % len(LEFT)] for number, key in enumerate(keys)},
        "utt2spk": {key: "spk" for key in keys},
    }
    if segments:
        tables["segments"] = segments
    for name, table in tables.items():
        lines = "".join(f"{key} {value}{end}" for key, value in table.items())
        (folder / name).write_bytes(f"\ufeff{lines}".encode())


@pytest.fixture(scope="module", params=["flac", "wav"])
def prepared(request, tmp_path_factory):
    """All kinds as training data; two channels for validation, cut recordings for the test."""
    recipe = Recipe(tmp_path_factory.mktemp(f"kinds_{request.param}"))
    audio = recipe.dir / "recordings"  # the paths are relative, from the recipe's folder
    audio.mkdir()
    files, pipes = {}, {}
    for kind in good_kinds():
        (audio / kind.name).write_bytes(kind.content)
        files[f"spk-{kind.name}"] = f"recordings/{kind.name}"
        if kind.name.endswith(".wav"):
            pipes[f"spk-piped-{kind.name}"] = f"cat recordings/{kind.name} |"
    two = np.stack([speech(), -speech()], 1)
    (audio / "two.wav").write_bytes(wav(two.tobytes(), channels=2, data_size=0xFFFFFFFF))
    data = recipe.dir / "kinds"
    write_data(data / "train", files | pipes)
    write_data(data / "dev", {"spk-two": "recordings/two.wav", "spk-one": "recordings/plain.flac"})
    segments = {"spk-a": "r 0 0.25", "spk-b": "r 0.25 -1"}
    write_data(data / "test", {"r": "cat recordings/ffmpeg.wav |"}, segments)
    options = [
        *("--data_dir", "kinds", "--train_set", "train", "--valid_set", "dev"),
        *("--test_sets", "test", "--stop_stage", "5", "--audio_format", request.param),
        *("--token_type", "char", "--use_lm", "false"),
    ]
    refused = recipe.run(*TINY, *options)
    status, output = recipe.run(*TINY, *options, "--channel", "1")
    assert status == 0, output
    return recipe, refused, output


def test_two_channels_are_refused_with_the_option(prepared):
    _, (status, output), _ = prepared
    assert status == 1 and "Traceback" not in output
    assert re.search(r"recordings/two\.wav .* has 2 channels: choose .* --channel 1 to 2", output)


def test_all_kinds_are_read(prepared):
    recipe, _, output = prepared
    train = recipe.dir / "dump/raw/train"
    table = read_table(train / "wav.scp")
    kinds = good_kinds()
    assert len(table) == len(kinds) + sum(kind.name.endswith(".wav") for kind in kinds)
    lengths = read_table(train / "utt2num_samples")
    for kind in kinds:
        for key in {f"spk-{kind.name}", f"spk-piped-{kind.name}"} & table.keys():
            samples, rate = soundfile.read(recipe.dir / table[key], dtype="float32")
            assert rate == RATE and len(samples) == int(lengths[key])
            kind.check(samples, rate)
    # libmpg123 and the like are not heard.
    assert not re.search("mpg123|Traceback|Warning", output), output


def test_segments_and_channels(prepared):
    recipe, _, _ = prepared
    table = read_table(recipe.dir / "dump/raw/test/wav.scp")
    parts = [soundfile.read(recipe.dir / table[key], dtype="int16")[0] for key in sorted(table)]
    assert len(parts) == 2 and len(parts[0]) == RATE // 4
    np.testing.assert_array_equal(np.concatenate(parts), speech())
    table = read_table(recipe.dir / "dump/raw/dev/wav.scp")
    for path in table.values():
        samples, _ = soundfile.read(recipe.dir / path, dtype="int16")
        np.testing.assert_array_equal(samples, speech())


def test_one_text_for_all(prepared):
    recipe, _, _ = prepared
    for name in ("train", "dev", "test"):
        assert set(read_table(recipe.dir / "dump/raw" / name / "text").values()) == {READ}
    (tokens,) = recipe.dir.glob("data/*token_list/char/tokens.txt")
    listed = tokens.read_text(encoding="utf-8").split("\n")[:-1]
    assert set(listed) == {"<blank>", "<unk>", "<space>", *"ONETW", "<sos/eos>"}
