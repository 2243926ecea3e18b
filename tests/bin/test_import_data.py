"""The command that makes data directories of other libraries' data sets."""

import pytest
from lhotse import CutSet, MonoCut, Recording, SupervisionSegment

from espnet_recursive.bin.import_data import main
from espnet_recursive.recipe.data_dir import read_table


def test_directories_are_written_and_named(recipe_dir, tmp_path, capsys):
    """From lhotse's cuts of a data set to the same data set."""
    org = recipe_dir / "dump/raw/org/train"
    tables = {name: read_table(org / name) for name in ("wav.scp", "text", "utt2spk")}
    cuts = []
    for key, path in tables["wav.scp"].items():
        recording = Recording.from_file(path, recording_id=key)
        said = SupervisionSegment(
            key,
            key,
            0,
            recording.duration,
            text=tables["text"][key],
            speaker=tables["utt2spk"][key],
        )
        cuts.append(MonoCut(key, 0, recording.duration, 0, [said], recording=recording))
    manifest = tmp_path / "an4_cuts_train.jsonl.gz"
    CutSet.from_cuts(cuts).to_file(manifest)
    main([str(manifest), "--data_dir", str(tmp_path / "data")])
    directory = tmp_path / "data" / "train"
    assert capsys.readouterr().out.splitlines() == [str(directory)]
    assert {name: read_table(directory / name) for name in tables} == tables


def test_one_name_for_several_sources(capsys):
    with pytest.raises(SystemExit):
        main(["a_cuts.jsonl", "b_cuts.jsonl", "--set", "train"])
    assert "--set names one set" in capsys.readouterr().err
