"""What a sweep says."""

import json

import pytest

from espnet_recursive.analysis.loop_sweep import Decoded, decoded_file
from espnet_recursive.analysis.loop_sweep_table import (
    depths_before,
    evaluate,
    in_order,
    write_loop_sweep,
)
from espnet_recursive.asr.depth import Depth
from espnet_recursive.errors import UserError
from espnet_recursive.recipe.data_dir import write_data_dir

#: Ten utterances of ten words, two seconds each.
UTTERANCES = [f"a-{n}" for n in range(10)]
WORDS = "ONE TWO THREE FOUR FIVE SIX SEVEN EIGHT NINE TEN"
FIVE, THREE, EXIT = Depth(5), Depth(3), Depth(None, "kl", 0.05, 2)
#: Utterances with a wrong word, loops of the first five and of the last five, encoder's seconds.
MADE_UP = {FIVE: (4, 5, 5, 0.5), THREE: (6, 3, 3, 0.3), EXIT: (4, 2, 5, 0.35)}


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "test"
    write_data_dir(
        path,
        {u: f"{u}.wav" for u in UTTERANCES},
        dict.fromkeys(UTTERANCES, WORDS),
        dict.fromkeys(UTTERANCES, "a"),
    )
    return path


def write_decoded(output_dir, depth, utterances=UTTERANCES):
    wrong, first, last, encoder = MADE_UP[depth]
    path = decoded_file(output_dir, depth)
    path.parent.mkdir(parents=True)
    with path.open("w") as file:
        for n, utterance in enumerate(utterances):
            text = WORDS.replace("TWO", "TOO") if n < wrong else WORDS
            loops = first if n < 5 else last
            row = Decoded(utterance, text, 32000, loops, 4 + 4 * loops, encoder, encoder + 1.0)
            file.write(json.dumps(vars(row)) + "\n")


@pytest.fixture
def sweep(data, tmp_path):
    """Evaluate the depths that were made up."""
    for depth in MADE_UP:
        write_decoded(tmp_path / "out", depth)

    def run(max_loss=1.0, depths=tuple(MADE_UP)):
        return evaluate(tmp_path / "out", data, depths, FIVE, max_loss, 16000)

    return run


def test_means_and_rates(sweep):
    five, three, by_exit = sweep().outcomes
    assert [o.score.error_rate for o in (five, three, by_exit)] == [4.0, 6.0, 4.0]
    assert [o.mean_loops for o in (five, three, by_exit)] == [5, 3, 3.5]
    assert [o.mean_layers for o in (five, three, by_exit)] == [24, 16, 18]
    assert [o.rtf_encoder for o in (five, three, by_exit)] == pytest.approx([0.25, 0.15, 0.175])
    assert [o.rtf for o in (five, three, by_exit)] == pytest.approx([0.75, 0.65, 0.675])
    assert five.score.interval_95.low < 4.0 < five.score.interval_95.high


def test_differences_are_of_the_same_utterances(sweep):
    five, three, by_exit = sweep().outcomes
    assert five.difference is None
    assert three.difference.difference == pytest.approx(2.0)
    assert 0 <= three.difference.interval.low < 2 < three.difference.interval.high
    # The same utterances are wrong.
    assert by_exit.difference.interval.low == by_exit.difference.interval.high == 0


@pytest.mark.parametrize("max_loss, cheapest", [(0, EXIT), (1, EXIT), (49, EXIT), (50, THREE)])
def test_the_cheapest(sweep, max_loss, cheapest):
    assert sweep(max_loss).cheapest.depth == cheapest


def test_the_configuration_may_be_the_cheapest(sweep, tmp_path):
    result = sweep(depths=(FIVE,))
    assert result.cheapest is result.reference
    assert "5 loops, the configuration itself." in write_loop_sweep(result, tmp_path).read_text()


def test_in_words(sweep, tmp_path):
    text = write_loop_sweep(sweep(), tmp_path / "out").read_text()
    assert text.startswith("# Depths on test\n")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()[2:7]]
    assert rows[0][:2] == ["depth", "WER"] and rows[0][-1] == "RTF"
    assert rows[2][0] == "5 loops" and rows[2][3:5] == ["", ""]
    assert rows[4][0] == "kl < 0.05, 2 or more"
    assert rows[4][-4:] == ["3.50", "18.00", "0.1750", "0.6750"]
    assert (
        "Cheapest with at most 1 % more errors than as configured (5 loops, WER 4.00 %): "
        "kl < 0.05, 2 or more, with a WER of 4.00 %, 3.50 loops on average, and 30% of the "
        "encoder's time saved." in text
    )


def test_for_programs_and_for_the_next_run(sweep, tmp_path):
    assert depths_before(tmp_path / "out") == []
    write_loop_sweep(sweep(), tmp_path / "out")
    values = json.loads((tmp_path / "out" / "loop_sweep.json").read_text())
    assert (values["configured"], values["cheapest"]) == ("loops_5", "kl_0.05_min_2")
    by_exit = values["depths"][2]
    assert (by_exit["loop_exit"], by_exit["loop_exit_min"]) == ("kl", 2)
    assert by_exit["errors"] == 4 and by_exit["units"] == 100
    assert depths_before(tmp_path / "out") == [FIVE, THREE, EXIT]


def test_order():
    exits = [Depth(None, "kl", 0.1), Depth(None, "kl", 0.2), Depth(None, "latent", 0.05)]
    expected = [Depth(2), Depth(10), *exits]
    assert in_order([*reversed(expected), Depth(10)]) == expected


def test_an_utterance_that_is_missing(data, tmp_path):
    write_decoded(tmp_path / "out", FIVE, UTTERANCES[1:])
    with pytest.raises(UserError, match="1 utterances of .*test/text are not in .*loops_5/text"):
        evaluate(tmp_path / "out", data, [FIVE], FIVE, 1.0, 16000)
