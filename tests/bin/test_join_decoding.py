"""The command that joins what decoding jobs wrote."""

import pytest

from espnet_recursive.bin.join_decoding import main
from espnet_recursive.recipe.data_dir import read_table, write_table


@pytest.fixture
def logdir(tmp_path):
    """The directory of two jobs, with what does not belong to them."""
    for job, key in ((1, "b"), (2, "a")):
        write_table(tmp_path / "logdir" / f"keys.{job}.scp", {key: f"{key}.flac"})
        for name in ("text", "token", "token_int", "score"):
            path = tmp_path / "logdir" / f"output.{job}" / "1best_recog" / name
            write_table(path, {key: f"{name} {job}"})
        (tmp_path / "logdir" / f"asr_inference.{job}.log").write_text(
            "2026-01-01 00:00:00,000 (asr_inference:571) INFO: speech length: 8000\n"
            f"2026-01-01 00:00:0{job},000 (batch_beam_search:1259) INFO: best hypo: X\n"
        )
    (tmp_path / "logdir" / "output.3").mkdir()
    write_table(tmp_path / "wav.scp", {"a": "a.flac", "b": "b.flac"})
    return tmp_path / "logdir"


def test_joined(logdir, tmp_path):
    main([str(tmp_path / "wav.scp"), str(logdir), str(tmp_path / "out"), "--fs", "8k"])
    assert read_table(tmp_path / "out" / "text") == {"a": "text 2", "b": "text 1"}
    rtf = (tmp_path / "out" / "rtf.txt").read_text()
    assert rtf == "RTF 1.500: 3.0 s of decoding for 2.0 s of speech in 2 utterances\n"


def test_job_that_is_missing(logdir, tmp_path):
    (logdir / "keys.2.scp").unlink()
    with pytest.raises(SystemExit, match="Error: 1 utterances .* a"):
        main([str(tmp_path / "wav.scp"), str(logdir), str(tmp_path / "out")])
