"""Progress, read from lines as ESPnet writes them."""

from datetime import timedelta

import pytest

from espnet_recursive.recipe.progress import (
    ProgressLine,
    Training,
    Utterances,
    parse_results,
    screen,
)

STAMP = "[host] 2026-01-01 00:00:00,000"
STARTED = (
    f"{STAMP} (trainer:322) INFO: 11/15epoch started. "
    "Estimated time to finish: 1 minute and 3.94 seconds\n"
)
FIRST = f"{STAMP} (trainer:316) INFO: 1/15epoch started\n"
BATCHES = (
    f"{STAMP} (trainer:793) INFO: 11epoch:train:1-10batch: iter_time=0.021, forward_time=0.112, "
    "loss_ctc=0.161, loss_att=0.139, acc=1.000, loss=0.146, backward_time=0.080, "
    "optim0_lr0=5.000e-04, train_time=0.915\n"
)
RESULTS = (
    f"{STAMP} (trainer:389) INFO: 15epoch results: [train] iter_time=0.012, forward_time=0.114, "
    "loss_ctc=0.076, loss_att=0.086, acc=1.000, loss=0.083, backward_time=0.081, "
    "optim0_lr0=0.002, train_time=0.909, time=2.7 seconds, total_count=150, gpu_max_cached_mem_GB="
    "0.000, [valid] loss_ctc=193.584, cer_ctc=0.719, loss_att=69.834, acc=0.474, cer=0.562, "
    "wer=1.000, loss=106.959, time=0.19 seconds, total_count=15\n"
)
LM_RESULTS = (
    f"{STAMP} (trainer:389) INFO: 5epoch results: [train] iter_time=1.0e-04, loss=2.011, "
    "time=1 second, total_count=50, [valid] loss=3.470, time=0.05 seconds, total_count=5\n"
)
HYPOTHESIS = "2026-01-01 00:00:00,000 (batch_beam_search:1259) INFO: best hypo: ▁GO\n"
TOO_SHORT = (
    "2026-01-01 00:00:00,000 (asr_inference:1082) WARNING: Utterance ['a'] has 5 frames and is too "
    "short for subsampling (it needs more than 6 frames), return empty results\n"
)
OTHERS = [
    "# python3 -m espnet2.bin.asr_train --loss=1\n",
    f"{STAMP} (trainer:465) INFO: The best model has been updated: train.loss\n",
    "2026-01-01 00:00:00,000 (asr_inference:571) INFO: speech length: 16000\n",
    "2026-01-01 00:00:00,000 (batch_beam_search:1266) WARNING: best hypo length: 9 == max output\n",
    "",
]


def test_epoch_started():
    report = Training().read(STARTED)
    assert report == ProgressLine("epoch 11/15 started, about 1 minute and 3.94 seconds left")


def test_first_epoch_has_no_estimate():
    assert Training().read(FIRST) == ProgressLine("epoch 1/15 started")


def test_loss_of_batches_is_not_that_of_ctc():
    training = Training()
    training.read(STARTED)
    assert training.read(BATCHES) == ProgressLine("epoch 11/15, batch 1-10: loss 0.146")


def test_results_of_an_epoch_last():
    training = Training()
    training.read(STARTED)
    assert training.read(RESULTS) == ProgressLine(
        "epoch 15/15: train loss 0.083, train acc 1.000, valid loss 106.959, valid acc 0.474", True
    )


def test_results_of_a_language_model():
    assert Training().read(LM_RESULTS) == ProgressLine(
        "epoch 5/?: train loss 2.011, valid loss 3.470", True
    )


@pytest.mark.parametrize("reader", [Training(), Utterances(10)])
@pytest.mark.parametrize("line", OTHERS)
def test_other_lines_say_nothing(reader, line):
    assert reader.read(line) is None


def test_parse_results():
    parsed = parse_results(RESULTS)
    assert set(parsed) == {"train", "valid"}
    assert parsed["train"]["loss"] == "0.083"
    assert parsed["train"]["loss_ctc"] == "0.076"
    assert parsed["train"]["total_count"] == "150"
    assert parsed["valid"]["loss"] == "106.959"
    assert parsed["valid"]["time"] == "0.19 seconds"
    assert len(parsed["valid"]) == 9


def test_parse_what_espnet_writes():
    """The words are those of ESPnet's own reporter, not only of the lines above."""
    from espnet2.train.reporter import Reporter

    stats = {
        "loss_ctc": 9.0,
        "loss": 12345.6,
        "acc": 0.25,
        "lr": 1e-5,
        "time": timedelta(0, 61),
        "total_count": 150,
    }
    reporter = Reporter()
    reporter.set_epoch(3)
    reporter.stats[3] = {"train": stats, "valid": {"loss": 1.5, "acc": 0.125}}
    message = reporter.log_message()
    assert parse_results(message) == {
        "train": {"loss_ctc": "9.000", "loss": "1.235e+04", "acc": "0.250", "lr": "1.000e-05",
                  "time": "1 minute and 1 second", "total_count": "150"},
        "valid": {"loss": "1.500", "acc": "0.125"},
    }  # fmt: skip
    assert Training().read(f"{STAMP} (trainer:389) INFO: {message}\n") == ProgressLine(
        "epoch 3/?: train loss 1.235e+04, train acc 0.250, valid loss 1.500, valid acc 0.125", True
    )


def batches_message(number):
    """What ESPnet logs after `number` batches of which three values are known."""
    from espnet2.train.reporter import Reporter

    with Reporter().observe("train", 1) as reporter:
        for _ in range(number):
            reporter.register({"loss_ctc": 7.0, "loss": 0.5, "lr": 2.0})
            reporter.next()
        return f"{STAMP} (trainer:793) INFO: {reporter.log_message()}\n"


@pytest.mark.parametrize("number", [1, 2, 3, 10])
def test_batches_as_espnet_writes_them(number):
    """ESPnet leaves out a comma where n batches have n values."""
    report = Training().read(batches_message(number))
    assert report == ProgressLine(f"epoch 1/?, batch 1-{number}: loss 0.500")


def test_utterances_are_counted():
    utterances = Utterances(3)
    assert utterances.read(HYPOTHESIS) == ProgressLine("1 of 3 utterances decoded")
    assert utterances.read(TOO_SHORT) == ProgressLine("2 of 3 utterances decoded")
    assert Utterances().read(HYPOTHESIS) == ProgressLine("1 of ? utterances decoded")


def test_utterances_of_a_batch():
    """Several beams searched at once are told apart behind the hypothesis."""
    line = "2026-01-01 00:00:00,000 (batch_beam_search:1259) INFO: best hypo: ▁GO (utt 3)\n"
    assert Utterances(8).read(line) == ProgressLine("1 of 8 utterances decoded")


def test_ten_lasting_lines_of_a_long_list():
    utterances = Utterances(500)
    lasting = [n for n in range(1, 501) if utterances.read(HYPOTHESIS).lasting]
    assert lasting == list(range(50, 501, 50))
    assert not any(Utterances(99).read(HYPOTHESIS).lasting for _ in range(99))


REPORTS = [ProgressLine("one"), ProgressLine("two", lasting=True), ProgressLine("three")]


def test_without_a_terminal_only_lasting_reports_are_printed():
    written = []
    for report in REPORTS:
        screen(written.append)(report)
    assert written == ["  two\n"]


def test_standard_error_that_is_no_terminal(capsys):
    show = screen()
    for report in REPORTS:
        show(report)
    assert capsys.readouterr().err == "  two\n"


def test_terminal_shows_all_in_place(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    show = screen()
    for report in REPORTS:
        show(report)
    # Back to the start of the line, which is cleared; only what lasts ends it.
    clear = "\r\033[K"
    assert capsys.readouterr().err == f"{clear}  one{clear}  two\n{clear}  three"
