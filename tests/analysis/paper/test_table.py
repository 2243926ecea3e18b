"""RESULTS_PAPER.md and the same as JSON."""

import json
from pathlib import Path

import pytest

from espnet_recursive.analysis.paper.results import Model, Result, Row
from espnet_recursive.analysis.paper.rows import PAPER_ROWS
from espnet_recursive.analysis.paper.table import write_paper_results
from espnet_recursive.model.parameters import EncoderSize
from espnet_recursive.recipe.data_dir import write_table
from espnet_recursive.recipe.scoring import score
from espnet_recursive.recursion.shape import RecursionShape

#: Sizes as counted in conf/encoder.
SIZES = {
    "B": EncoderSize("B", RecursionShape(24, 1, 0, 0), 24, 24, 75_657_216, 83_003_392),
    "R1": EncoderSize("R1", RecursionShape(12, 2, 0, 0), 12, 24, 37_828_608, 45_174_784),
    "L1": EncoderSize("L1", RecursionShape(4, 5, 2, 2), 8, 24, 25_219_072, 32_565_248),
    "B2": EncoderSize("B2", RecursionShape(12, 1, 0, 0), 12, 12, 15_780_864, 17_618_432),
    "mine": EncoderSize("mine", RecursionShape(2, 5, 1, 1), 4, 12, 1_000_000, 2_000_000),
}
#: Rows at half the blocks and another width.
SMALL = {
    "B": EncoderSize("B", RecursionShape(12, 1, 0, 0), 12, 12, 1_340_000, 1_500_000),
    "L1": EncoderSize("L1", RecursionShape(2, 5, 1, 1), 4, 12, 450_000, 610_000),
    "loops_schedule": EncoderSize(
        "loops_schedule", RecursionShape(2, 20, 1, 1), 4, 42, 450_000, 610_000
    ),
}


def result(model, test_set, wrong, decoding="decode_lm", unit="wer", rtf=None, **figures):
    """A result with so many of a hundred words wrong, one in each wrong utterance of four."""
    directory = model.path / decoding / test_set
    references = {f"s-{n:02d}": "A B C D" for n in range(25)}
    hypotheses = {key: "A B C X" if n < wrong else "A B C D" for n, key in enumerate(references)}
    write_table(directory / "ref", references)
    write_table(directory / "text", hypotheses)
    write_table(directory / "utt2spk", dict.fromkeys(references, "s"))
    files = (directory / name for name in ("ref", "text", "utt2spk"))
    total = score(*files, directory / f"score_{unit}", unit)
    return Result(model, decoding, test_set, unit, total, {"rtf": rtf} | figures)


@pytest.fixture
def rows(tmp_path):
    """Rows in all states: done, done in part, trained, not run, and not of the paper."""
    first, second, third = (Model(tmp_path / f"asr_{name}") for name in ("B", "L1", "mine"))
    trained = {
        "B": [result(first, "test_clean", 4, rtf=0.5), result(first, "test_other", 9)],
        "L1": [
            result(second, "test_clean", 2, rtf=0.25),
            result(second, "test_clean", 6, "decode_fast"),
        ],
        "mine": [result(third, "dev", 1)],
    }
    models = {"B": [first], "L1": [second], "mine": [third], "B2": [Model(tmp_path / "asr_B2")]}
    return [
        Row(name, size, PAPER_ROWS.get(name), models.get(name, []), trained.get(name, []))
        for name, size in SIZES.items()
    ]


def tables(path: Path) -> dict[str, list[list[str]]]:
    """The cells of each table, by the title above it; a second one has a star."""
    found: dict[str, list[list[str]]] = {}
    title = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            title = line[3:]
        elif line.startswith("Against the baseline"):
            title += " *"
        elif line.startswith("|"):
            found.setdefault(title, []).append([c.strip() for c in line.strip("|").split("|")])
    return found


def test_our_errors_beside_the_papers(rows, tmp_path):
    write_paper_results(rows, tmp_path / "RESULTS_PAPER.md")
    header, _, *body = tables(tmp_path / "RESULTS_PAPER.md")["test_clean, WER in percent"]
    assert header == ["row", "{n_r, L, n_p, n_c}", "executed", "layers", "paper's layers", "WER",
                      "95 %", "paper's WER", "difference", "RTF", "decoding"]  # fmt: skip
    # The intervals are those of the binomial: of 25 utterances, each wrong by one word or none.
    assert body == [
        ["B", "{24, 1, 0, 0}", "24", "75.66M", "75.6M", "4.00", "1.00–8.00", "2.12", "+1.88",
         "0.500", "[1]"],
        ["R1", "{12, 2, 0, 0}", "24", "37.83M", "37.8M", "not run", "", "2.15", "", "", ""],
        ["L1", "{4, 5, 2, 2}", "24", "25.22M", "25.2M", "2.00", "0.00–5.00", "2.16", "-0.16",
         "0.250", "[2]"],
        ["L1", "{4, 5, 2, 2}", "24", "25.22M", "25.2M", "6.00", "2.00–10.00", "2.16", "+3.84", "",
         "[3]"],
    ]  # fmt: skip


def test_rows_that_are_not_done_yet(rows, tmp_path):
    write_paper_results(rows, tmp_path / "RESULTS_PAPER.md")
    found = tables(tmp_path / "RESULTS_PAPER.md")
    other = {line[0]: line[5] for line in found["test_other, WER in percent"][2:]}
    assert other == {"B": "9.00", "R1": "not run", "L1": "not decoded"}
    (aishell,) = found["test, CER in percent"][2:]
    assert aishell == ["B2", "{12, 1, 0, 0}", "12", "15.78M", "15.7M", "not decoded", "6.43"]
    text = (tmp_path / "RESULTS_PAPER.md").read_text()
    assert "Without a result yet: R1, B2.\n" in text


def test_rows_of_others_have_no_figure_of_the_paper(rows, tmp_path):
    write_paper_results(rows, tmp_path / "RESULTS_PAPER.md")
    (line,) = tables(tmp_path / "RESULTS_PAPER.md")["dev, WER in percent"][2:]
    assert line == ["mine", "{2, 5, 1, 1}", "12", "1.00M", "1.00", "0.00–3.00", "[4]"]


def test_gain_over_the_baseline(rows, tmp_path):
    """Only in a decoding of the same name, on the same data set."""
    write_paper_results(rows, tmp_path / "RESULTS_PAPER.md")
    found = tables(tmp_path / "RESULTS_PAPER.md")
    header, _, line = found["test_clean, WER in percent *"]
    assert header == ["row", "baseline", "difference", "95 %", "paper's difference",
                      "probability of fewer errors", "decodings"]  # fmt: skip
    assert line[:3] == ["L1", "B", "-2.00"]
    assert line[4] == "+0.04"
    assert line[6] == "[2], [1]"
    # Better in two utterances and worse in none: as good only if neither is drawn.
    assert float(line[5]) == pytest.approx(1 - (23 / 25) ** 25, abs=0.02)
    assert "test_other, WER in percent *" not in found


def test_decodings_are_listed(rows, tmp_path):
    write_paper_results(rows, tmp_path / "RESULTS_PAPER.md")
    text = (tmp_path / "RESULTS_PAPER.md").read_text()
    assert text.endswith(
        "## Decodings\n\n1. `asr_B/decode_lm`\n2. `asr_L1/decode_lm`\n3. `asr_L1/decode_fast`\n"
        "4. `asr_mine/decode_lm`\n"
    )


def test_the_same_for_programs(rows, tmp_path):
    write_paper_results(rows, tmp_path / "RESULTS_PAPER.md")
    values = json.loads((tmp_path / "RESULTS_PAPER.json").read_text())["rows"]
    assert [value["row"] for value in values] == list(SIZES)
    baseline, _, row, _, mine = values
    assert (row["layers"], row["paper_size_in_millions"]) == (25_219_072, 25.2)
    assert (row["baseline"], baseline["baseline"], mine["baseline"]) == ("B", None, None)
    assert row["paper_error_rates"] == {"test_clean": 2.16, "test_other": 4.92}
    assert mine["paper_error_rates"] == {}
    first = row["results"][0]
    assert (first["experiment"], first["decoding"]) == ("asr_L1", "decode_lm")
    assert (first["sentences"], first["units"], first["errors"]) == (25, 100, 2)
    assert first["interval_95"] == {"low": 0.0, "high": 5.0}
    mean, other = row["means"]
    assert (mean["seeds"], mean["error_rates"], mean["error_rate"]) == ([0], [2.0], 2.0)
    assert mean["interval_95"] == first["interval_95"]
    assert mean["difference"] == pytest.approx(2.0 - 2.16)
    assert mean["against_baseline"]["experiments"] == ["asr_B"]
    assert mean["against_baseline"]["difference"] == pytest.approx(-2.0)
    assert other["against_baseline"] is None


def test_nothing_is_written_anew_that_is_the_same(rows, tmp_path):
    paths = [tmp_path / f"RESULTS_PAPER.{suffix}" for suffix in ("md", "json")]
    write_paper_results(rows, paths[0])
    before = [path.stat().st_mtime_ns for path in paths]
    write_paper_results(rows, paths[0])
    assert [path.stat().st_mtime_ns for path in paths] == before


def test_nothing_was_run(tmp_path):
    rows = [Row("B", SIZES["B"], PAPER_ROWS["B"], [], [])]
    write_paper_results(rows, tmp_path / "RESULTS_PAPER.md")
    found = tables(tmp_path / "RESULTS_PAPER.md")
    del found["Rows"]
    assert [lines[2][5] for lines in found.values()] == ["not run", "not run"]
    assert "## Decodings" not in (tmp_path / "RESULTS_PAPER.md").read_text()


@pytest.fixture
def small_rows(tmp_path):
    """Three seeds of a baseline and of L1, a trial, and a schedule decoded at two depths."""
    models = {
        name: [Model(tmp_path / f"asr_{name}_seed{seed}", seed) for seed in range(3)]
        for name in SMALL
    }
    again = Model(tmp_path / "asr_again", 0)
    trial = Model(tmp_path / "asr_trial", 0, '{"max_epoch": 3}')
    results = {
        "B": [result(m, "test", n) for m, n in zip(models["B"], (4, 5, 6), strict=True)],
        "L1": [
            *(result(m, "test", n) for m, n in zip(models["L1"], (11, 12, 16), strict=True)),
            result(again, "test", 11),
            result(trial, "test", 25),
        ],
        "loops_schedule": [
            result(models["loops_schedule"][0], "test", 10, mean_executed_layers=42.0),
            result(models["loops_schedule"][0], "test", 2, "decode_num_loops5_lm",
                   mean_executed_layers=12.0),
        ],
    }  # fmt: skip
    policies = {"loops_schedule": "schedule"}
    return [
        Row(name, size, PAPER_ROWS[name], models[name], results[name], policies.get(name, "fixed"))
        for name, size in SMALL.items()
    ]


def test_rows_of_a_small_recipe(small_rows, tmp_path):
    """The paper's figures stand beside them, but as those of other models."""
    write_paper_results(small_rows, tmp_path / "RESULTS_PAPER.md")
    header, _, *body = tables(tmp_path / "RESULTS_PAPER.md")["Rows"]
    assert header == ["row", "{n_r, L, n_p, n_c}", "unique", "executed", "layers",
                      "encoder in all", "seeds", "test WER (95 %)", "paper's row"]  # fmt: skip
    assert [line[:7] + line[8:] for line in body] == [
        ["B", "{12, 1, 0, 0}", "12", "12", "1,340,000", "1,500,000", "0, 1, 2", "4.76 test_other"],
        ["L1", "{2, 5, 1, 1}", "4", "12", "450,000", "610,000", "0, 1, 2", "4.92 test_other"],
        ["loops_schedule", "{2, 20, 1, 1} by schedule", "4", "42", "450,000", "610,000", "0",
         "4.97 test_other"],
        ["loops_schedule at 5 loops", "{2, 20, 1, 1} by schedule", "4", "12", "450,000", "610,000",
         "0", "4.97 test_other"],
    ]  # fmt: skip
    assert [line[7].split(" ")[0] for line in body] == ["5.00", "13.00", "10.00", "2.00"]
    text = (tmp_path / "RESULTS_PAPER.md").read_text()
    assert "## test_clean" not in text
    assert "there to compare the order of the rows, not the error rates" in text


def test_every_seed(small_rows, tmp_path):
    write_paper_results(small_rows, tmp_path / "RESULTS_PAPER.md")
    header, _, *body = tables(tmp_path / "RESULTS_PAPER.md")["test, WER in percent"]
    of_each = {tuple(line[:1]): line[header.index("of each seed")] for line in body[:2]}
    assert of_each == {("B",): "4.00, 5.00, 6.00", ("L1",): "11.00, 12.00, 16.00"}
    text = (tmp_path / "RESULTS_PAPER.md").read_text()
    assert "1. `asr_B_seed0, asr_B_seed1, asr_B_seed2/decode_lm`\n" in text


def test_how_far_seeds_lie_apart(small_rows, tmp_path):
    write_paper_results(small_rows, tmp_path / "RESULTS_PAPER.md")
    text = (tmp_path / "RESULTS_PAPER.md").read_text()
    assert (
        "Between seeds: a standard deviation of 2.00 points, pooled over 2 rows (4 degrees of "
        "freedom) in `decode_lm`. By seeds alone, two single models of equal rows differ by more "
        "than 7.85 points in 1 of 20 pairs, means over 3 seeds by more than 4.53.\n"
    ) in text
    (spread,) = json.loads((tmp_path / "RESULTS_PAPER.json").read_text())["seeds"]
    assert (spread["test_set"], spread["unit"], spread["degrees"]) == ("test", "wer", 4)


def test_what_is_no_sample_is_said(small_rows, tmp_path):
    write_paper_results(small_rows, tmp_path / "RESULTS_PAPER.md")
    text = (tmp_path / "RESULTS_PAPER.md").read_text()
    kept = "asr_L1_seed0, asr_L1_seed1, asr_L1_seed2"
    assert f"Not counted, with the seed of one of {kept}: asr_again.\n" in text
    assert "other settings than the other rows, and in no claim: asr_trial.\n" in text


def test_claims(small_rows, tmp_path):
    write_paper_results(small_rows, tmp_path / "RESULTS_PAPER.md")
    header, _, *body = tables(tmp_path / "RESULTS_PAPER.md")["The paper's claims on test, WER"]
    assert header == ["claim", "rows", "difference", "95 %", "nearly as good", "the paper's",
                      "seeds", "verdict"]  # fmt: skip
    lines = {line[1]: line for line in body}
    assert lines["L1 − B"][2] == "+8.00"
    assert lines["L1 − B"][4:] == [
        "up to +0.50", "+0.04 test_clean, +0.16 test_other", "3 and 3", "contradicted",
    ]  # fmt: skip
    assert lines["loops_schedule − L1"][-1] == "not resolved by 100 words"
    assert lines["loops_schedule at 5 loops − L1"][-1] == "supported"
    assert set(lines) == {"L1 − B", "loops_schedule − L1", "loops_schedule at 5 loops − L1"}
    values = json.loads((tmp_path / "RESULTS_PAPER.json").read_text())["claims"]
    assert [claim["verdict"] for claim in values] == [line[-1] for line in body]
