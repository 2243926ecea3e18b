"""Stage 12: what decoding jobs wrote, as one; and the real time factor from their logs."""

import json

import pytest

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.data_dir import read_table, write_table
from espnet_recursive.recipe.join_decoding import (
    encoder_figures,
    join_decoding,
    real_time_factor,
    write_real_time_factor,
)

FILES = ("token", "token_int", "score", "text")
KEYS = [f"utt{n}" for n in range(6)]

#: Two utterances of one second and of half a second. Loading the model, before the first, and
#: writing, which has no line of its own, do not count; time between the two belongs to the first.
LOG = """\
# python3 -m espnet2.bin.asr_inference --output_dir exp
# Started at 2026-01-01 11:59:00
2026-01-01 11:59:58,000 (asr_inference:544) INFO: Beam_search: BatchBeamSearch(
2026-01-01 12:00:00,000 (asr_inference:571) INFO: speech length: 16000
2026-01-01 12:00:00,250 (batch_beam_search:1259) INFO: decoder input length: 24
2026-01-01 12:00:01,500 (batch_beam_search:1259) INFO: best hypo: ▁GO

2026-01-01 12:00:09,000 (asr_inference:571) INFO: speech length: 8000
a line without a time
2026-01-01 12:00:09,250 (batch_beam_search:1259) INFO: best hypo: ▁STOP
# Ended (code 0) at 2026-01-01 12:05:00
"""
#: Two utterances in one batch, as `asr_inference --batch_size 2` reports them.
BATCH_LOG = """\
2026-01-01 23:59:59,900 (asr_inference:880) INFO: speech length: 16000
2026-01-01 23:59:59,900 (asr_inference:880) INFO: speech length: 12000
2026-01-02 00:00:00,300 (batch_beam_search:1259) INFO: best hypo: ▁GO (utt 0)
2026-01-02 00:00:00,400 (batch_beam_search:1259) INFO: best hypo: ▁STOP (utt 1)
"""


def write_job(path, keys):
    for name in FILES:
        write_table(path / "1best_recog" / name, {key: f"{name} of {key}" for key in keys})
    # An utterance of which nothing was recognised has an empty text.
    texts = {key: "" if key == "utt3" else key for key in keys}
    write_table(path / "1best_recog" / "text", texts)
    return path


@pytest.fixture
def keys_file(tmp_path):
    """The list of the utterances that there must be."""
    write_table(tmp_path / "wav.scp", {key: f"{key}.wav" for key in KEYS})
    return tmp_path / "wav.scp"


def test_two_jobs_equal_one(tmp_path, keys_file):
    one = [write_job(tmp_path / "all", KEYS)]
    two = [write_job(tmp_path / "first", KEYS[1::2]), write_job(tmp_path / "second", KEYS[::2])]
    join_decoding(one, tmp_path / "one", keys_file)
    join_decoding(two, tmp_path / "two", keys_file)
    for name in FILES:
        joined = (tmp_path / "two" / name).read_text()
        assert joined == (tmp_path / "one" / name).read_text()
        assert joined == (tmp_path / "all" / "1best_recog" / name).read_text()
    assert len(list((tmp_path / "two").iterdir())) == len(FILES)


def test_missing_utterance(tmp_path, keys_file):
    jobs = [write_job(tmp_path / "first", KEYS[1::2]), write_job(tmp_path / "second", KEYS[2::2])]
    with pytest.raises(UserError, match=rf"1 utterances of {keys_file} are not in .*text: utt0"):
        join_decoding(jobs, tmp_path / "out", keys_file)
    assert not (tmp_path / "out" / "text").exists()


def test_utterance_of_another_data_set(tmp_path, keys_file):
    with pytest.raises(UserError, match="1 utterances of .*text are not in .*wav.scp: other"):
        join_decoding([write_job(tmp_path / "job", [*KEYS, "other"])], tmp_path / "out", keys_file)


def test_missing_output_of_a_job(tmp_path, keys_file):
    jobs = [write_job(tmp_path / "first", KEYS), tmp_path / "second"]
    with pytest.raises(UserError, match="second/1best_recog/token does not exist"):
        join_decoding(jobs, tmp_path / "out", keys_file)


def test_real_time_factor(tmp_path):
    (tmp_path / "log").write_text(LOG)
    result = real_time_factor([tmp_path / "log"], 16000)
    assert result == pytest.approx(
        {"audio_s": 1.5, "decoding_s": 1.75, "rtf": 1.75 / 1.5, "utterances": 2}
    )


def test_real_time_factor_of_several_logs(tmp_path):
    for name, log in (("1.log", LOG), ("2.log", BATCH_LOG), ("3.log", "")):
        (tmp_path / name).write_text(log)
    result = real_time_factor([tmp_path / f"{n}.log" for n in (1, 2, 3)], 16000)
    assert result == pytest.approx(
        {"audio_s": 3.25, "decoding_s": 2.25, "rtf": 2.25 / 3.25, "utterances": 4}
    )


def test_frames_have_a_rate_of_their_own(tmp_path):
    (tmp_path / "log").write_text(LOG)
    assert real_time_factor([tmp_path / "log"], 100)["audio_s"] == pytest.approx(240)


def test_last_line_of_a_killed_job(tmp_path):
    """A log that ends within an utterance counts what there is."""
    (tmp_path / "log").write_text("".join(LOG.splitlines(keepends=True)[:5]))
    result = real_time_factor([tmp_path / "log"], 16000)
    assert result["decoding_s"] == pytest.approx(0.25)


def test_line_to_read(tmp_path):
    (tmp_path / "log").write_text(LOG)
    write_real_time_factor([tmp_path / "log"], 16000, tmp_path / "rtf.txt")
    assert (tmp_path / "rtf.txt").read_text() == (
        "RTF 1.167: 1.8 s of decoding for 1.5 s of speech in 2 utterances\n"
    )


def test_the_same_for_programs(tmp_path):
    (tmp_path / "log").write_text(LOG)
    result = write_real_time_factor([tmp_path / "log"], 16000, tmp_path / "rtf.txt")
    assert json.loads((tmp_path / "rtf.json").read_text()) == result
    # Where nothing was decoded there is no ratio, and JSON has no NaN.
    write_real_time_factor([], 16000, tmp_path / "rtf.txt")
    assert json.loads((tmp_path / "rtf.json").read_text())["rtf"] is None


def write_encoder(job, **tables):
    """What our asr_inference says of the encoder."""
    for name, table in tables.items():
        write_table(job / "1best_recog" / name, table)


def test_what_the_encoder_did_is_joined(tmp_path, keys_file):
    """The third utterance was too short to be encoded."""
    jobs = [write_job(tmp_path / "first", KEYS[1::2]), write_job(tmp_path / "second", KEYS[::2])]
    write_encoder(jobs[0], loops={"utt1": 2, "utt3": 5, "utt5": 2})
    write_encoder(jobs[1], loops={"utt0": 1, "utt4": 3})
    join_decoding(jobs, tmp_path / "out", keys_file)
    expected = {"utt0": "1", "utt1": "2", "utt3": "5", "utt4": "3", "utt5": "2"}
    assert read_table(tmp_path / "out" / "loops") == expected
    # A decoding that does not say takes the place of one that did.
    join_decoding([write_job(tmp_path / "all", KEYS)], tmp_path / "out", keys_file)
    assert not (tmp_path / "out" / "loops").exists()


def test_encoder_and_search(tmp_path):
    (tmp_path / "log").write_text(LOG)
    rtf = real_time_factor([tmp_path / "log"], 16000)
    assert encoder_figures(tmp_path, rtf) == {}
    write_table(tmp_path / "encoder_seconds", {"a": "0.10", "b": "0.05"})
    assert encoder_figures(tmp_path, rtf) == pytest.approx(
        {"rtf_encoder": 0.1, "rtf_search": (1.75 - 0.15) / 1.5}
    )
    write_table(tmp_path / "loops", {"a": 1, "b": 2})
    write_table(tmp_path / "executed_layers", {"a": 8, "b": 12})
    result = write_real_time_factor([tmp_path / "log"], 16000, tmp_path / "rtf.txt")
    assert (result["mean_loops"], result["mean_executed_layers"]) == (1.5, 10)
    assert json.loads((tmp_path / "rtf.json").read_text()) == result
    assert (tmp_path / "rtf.txt").read_text() == (
        "RTF 1.167: 1.8 s of decoding for 1.5 s of speech in 2 utterances\n"
        "RTF of the encoder 0.1000, of the search 1.0667\n"
        "1.50 loops on average, 10.00 layers executed\n"
    )


def test_what_was_not_decoded_is_counted(tmp_path, keys_file):
    """And is forgotten by a decoding in which all was."""
    job = write_job(tmp_path / "all", KEYS)
    write_table(job / "1best_recog" / "undecoded", {"utt3": "it has 100 samples"})
    (tmp_path / "log").write_text(LOG)
    join_decoding([job], tmp_path / "out", keys_file)
    write_real_time_factor([tmp_path / "log"], 16000, tmp_path / "out" / "rtf.txt")
    line = (
        "1 utterances could not be decoded and count as empty: utt3 (it has 100 samples); all are"
    )
    assert line in (tmp_path / "out" / "rtf.txt").read_text()
    (job / "1best_recog" / "undecoded").unlink()
    join_decoding([job], tmp_path / "out", keys_file)
    assert not (tmp_path / "out" / "undecoded").exists()
