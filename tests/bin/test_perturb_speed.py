"""The command of stage 2, as asr.sh calls it: jobs, then the data directory."""

import pytest

from espnet_recursive.bin import split_scp
from espnet_recursive.bin.perturb_speed import main
from espnet_recursive.recipe.data_dir import read_table


def test_jobs_and_data_directory(recipe_dir, tmp_path):
    source = recipe_dir / "data" / "train"
    split_scp.main([str(source / "wav.scp"), str(tmp_path), "--name", "wav", "--nj", "2"])
    options = ["--factors", "0.9", "1", "--audio_dir", str(tmp_path / "audio")]
    for job in ("1", "2"):
        main(["audio", str(tmp_path / f"wav.{job}.scp"), *options])
    main(["data", str(source), str(tmp_path / "train_sp"), *options])
    utterances = set(read_table(source / "wav.scp"))
    expected = utterances | {f"sp0.9-{utterance}" for utterance in utterances}
    assert set(read_table(tmp_path / "train_sp" / "wav.scp")) == expected


@pytest.mark.parametrize("factors", [["0"], ["-0.9"], ["1.0", "1"]])
def test_bad_factors(tmp_path, factors):
    (tmp_path / "wav.scp").write_text("utt utt.wav\n")
    with pytest.raises(SystemExit, match="Error: speed factor"):
        main(["audio", f"{tmp_path}/wav.scp", "--factors", *factors, "--audio_dir", str(tmp_path)])


def test_cepstra_are_said_in_four_numbers(tmp_path):
    options = ["cepstra", str(tmp_path), str(tmp_path / "sp"), "--factors", "0.9", "--cepstra"]
    with pytest.raises(SystemExit, match="Error: cepstra '13 12 130 6800': expected their number"):
        main([*options, "13", "12", "130", "6800"])


def test_a_step_is_required(capsys):
    with pytest.raises(SystemExit):
        main([])
    assert "STEP" in capsys.readouterr().err
