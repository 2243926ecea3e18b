"""RESULTS_PAPER.md: our error rates beside the paper's, row for row."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tabulate import tabulate

from espnet_recursive.analysis.paper.claims import MARGIN
from espnet_recursive.analysis.paper.recovery_table import recovery_lines
from espnet_recursive.analysis.paper.results import Row
from espnet_recursive.analysis.paper.values import paper_values
from espnet_recursive.files.whole_files import write_if_changed

#: What has to be known of the figures.
_NOTES = """\
Errors are counted as sclite counts them. 95 %: the interval over resampled utterances, and over the
seeds where there are several; the paper gives no intervals and no seeds. Sizes are the encoder's
layers alone, as the paper counts, unless "encoder in all" says otherwise. RTF: seconds of decoding
for a second of speech, on the machine that decoded.
"""
_CORRESPONDING = """\
The paper's figures in this table are those of its own, larger rows on LibriSpeech (AISHELL-1 for B2
and L4): there to compare the order of the rows, not the error rates.
"""
_CLAIMS = f"""\
Difference: the mean error rate of the first row less that of the second, in points of percent, on
the same utterances. A claim of a difference is supported if the interval lies on its side of zero;
that a row is nearly as good, if the interval ends below {MARGIN:g} % more errors than the other has
(the paper names no number). Of so many intervals of 95 %, one or the other misses by chance; those
of single models do not contain what other seeds would change.
"""
_SHAPE = "{n_r, L, n_p, n_c}"


def write_paper_results(rows: Sequence[Row], output: Path | str) -> None:
    """Write the tables as Markdown, and beside it the same as JSON.

    Args:
        rows: What ``read_rows`` found.
        output: RESULTS_PAPER.md; the JSON has the same name with .json.
    """
    values = paper_values(rows)
    text = json.dumps(values, indent=2) + "\n"
    write_if_changed(Path(output).with_suffix(".json"), text)
    write_if_changed(output, markdown(values))


def markdown(values: dict[str, Any]) -> str:
    """Format the values of the rows as Markdown: all rows, then each data set, then the claims.

    Args:
        values: ``paper_values``.
    """
    rows, claims = values["rows"], values["claims"]
    means = [mean for row in rows for mean in row["means"]]
    decodings = list(dict.fromkeys(_path(mean) for mean in means))
    numbers = {path: f"[{number}]" for number, path in enumerate(decodings, 1)}
    lines = ["# Results beside the paper's", "", _NOTES]
    if missing := [row["row"] for row in rows if not row["results"]]:
        lines += [f"Without a result yet: {', '.join(missing)}.", ""]
    lines += ["## Rows", "", _table(_overview(rows)), ""]
    if any(row["paper_error_rates"] and not row["is_papers"] for row in rows):
        lines += [_CORRESPONDING]
    for test_set, unit in _data_sets(rows):
        lines += [f"## {test_set}, {unit.upper()} in percent", ""]
        lines += [_table(_lines(rows, test_set, unit, numbers)), ""]
        own = [s for s in values["seeds"] if (s["test_set"], s["unit"]) == (test_set, unit)]
        lines += map(_spread, own)
        if gains := _gain_lines(rows, test_set, unit, numbers):
            lines += ["Against the baseline, on the same utterances:", "", _table(gains), ""]
    for number, (test_set, unit) in enumerate(_of_claims(claims)):
        lines += [f"## The paper's claims on {test_set}, {unit.upper()}", ""]
        lines += [] if number else [_CLAIMS]
        lines += [_table(_claim_lines(claims, test_set, unit)), ""]
    lines += recovery_lines(values["recovery"])
    if decodings:
        lines += ["## Decodings", ""]
        lines += [f"{number}. `{path}`" for number, path in enumerate(decodings, 1)]
        lines += ["", *_not_counted(rows)]
    return "\n".join(lines).rstrip() + "\n"


def _overview(rows: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    """Sizes and error rates on all data sets, in the decoding that most rows have."""
    means = [mean for row in rows for mean in row["means"] if mean["leading"]]
    number = Counter(mean["own_decoding"] for mean in means)
    main = number.most_common(1)[0][0] if number else None
    data_sets = list(dict.fromkeys((mean["test_set"], mean["unit"]) for mean in means))
    lines = []
    for row in rows:
        own = [m for m in row["means"] if m["leading"] and m["own_decoding"] == main]
        for decoded_at in dict.fromkeys(mean["decoded_at"] for mean in own) or [None]:
            at_depth = [mean for mean in own if mean["decoded_at"] == decoded_at]
            found = {(mean["test_set"], mean["unit"]): mean for mean in at_depth}
            first: dict[str, Any] = next(iter(at_depth), {})
            lines.append(
                {
                    "row": _name(row, first),
                    _SHAPE: _shape(row),
                    "unique": str(row["unique"]),
                    "executed": _executed(row, first),
                    "layers": f"{row['layers']:,}",
                    "encoder in all": f"{row['encoder']:,}",
                    "paper's layers": _paper_size(row),
                    "seeds": ", ".join(map(str, first.get("seeds", []))),
                    **{
                        f"{name} {unit.upper()} (95 %)": _rate(found.get((name, unit)))
                        for name, unit in data_sets
                    },
                    **_corresponding(row),
                }
            )
    return lines


def _lines(
    rows: Sequence[dict[str, Any]], test_set: str, unit: str, numbers: dict[str, str]
) -> list[dict[str, str]]:
    lines = []
    for row in rows:
        printed = _printed(row).get(test_set) if row["unit"] == unit else None
        means = _of(row, test_set, unit)
        if not means and printed is not None:
            means = [{"state": "not decoded" if row["experiments"] else "not run"}]
        for mean in means:
            rates = mean.get("error_rates", [])
            lines.append(
                {
                    "row": _name(row, mean),
                    _SHAPE: _shape(row),
                    "executed": _executed(row, mean),
                    "layers": f"{row['layers'] / 1e6:.2f}M",
                    "paper's layers": _paper_size(row),
                    unit.upper(): mean.get("state") or f"{mean['error_rate']:.2f}",
                    "95 %": _interval(mean.get("interval_95")),
                    "of each seed": ", ".join(f"{r:.2f}" for r in rates) if rates[1:] else "",
                    f"paper's {unit.upper()}": _number(printed, "{:.2f}"),
                    "difference": _number(mean.get("difference"), "{:+.2f}"),
                    "loops": _number(mean.get("mean_loops"), "{:.2f}"),
                    "RTF": _number(mean.get("rtf"), "{:.3f}"),
                    "decoding": "" if "state" in mean else numbers[_path(mean)],
                }
            )
    return lines


def _gain_lines(
    rows: Sequence[dict[str, Any]], test_set: str, unit: str, numbers: dict[str, str]
) -> list[dict[str, str]]:
    printed = {row["row"]: row["paper_error_rates"].get(test_set) for row in rows}
    lines = []
    for row in rows:
        for mean in _of(row, test_set, unit):
            gain = mean["against_baseline"]
            if gain is None:
                continue
            theirs = [printed[row["row"]], printed[row["baseline"]]]
            lines.append(
                {
                    "row": _name(row, mean),
                    "baseline": row["baseline"],
                    "difference": f"{gain['difference']:+.2f}",
                    "95 %": _signed(gain["interval"]),
                    "paper's difference": "" if None in theirs else f"{theirs[0] - theirs[1]:+.2f}",
                    "probability of fewer errors": f"{gain['probability']:.3f}",
                    "decodings": f"{numbers[_path(mean)]}, {numbers[_path(gain)]}",
                }
            )
    return lines


def _spread(spread: dict[str, Any]) -> str:
    """The spread of equal rows that is due to their seeds."""
    return (
        f"Between seeds: a standard deviation of {spread['deviation']:.2f} points, pooled over "
        f"{spread['rows']} rows ({spread['degrees']} degrees of freedom) in "
        f"`{spread['decoding']}`. By seeds alone, two single models of equal rows differ by more "
        f"than {spread['resolved_by_one']:.2f} points in 1 of 20 pairs, means over "
        f"{spread['seeds']} seeds by more than {spread['resolved_by_all']:.2f}.\n"
    )


def _of_claims(claims: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((claim["test_set"], claim["unit"]) for claim in claims))


def _claim_lines(
    claims: Sequence[dict[str, Any]], test_set: str, unit: str
) -> list[dict[str, str]]:
    own = [c for c in claims if (c["test_set"], c["unit"]) == (test_set, unit)]
    several = len({claim["decoding"] for claim in own}) > 1
    return [
        {
            "claim": claim["claim"],
            "rows": f"{_name(claim, claim)} − {claim['reference']}",
            "difference": f"{claim['difference']:+.2f}",
            "95 %": _signed(claim["interval_95"]),
            "nearly as good": _number(claim["allowed"], "up to {:+.2f}"),
            "the paper's": ", ".join(f"{v:+.2f} {name}" for name, v in claim["paper"].items()),
            "seeds": " and ".join(map(str, claim["seeds"])),
            "verdict": claim["verdict"],
            "decoding": f"`{claim['decoding']}`" if several else "",
        }
        for claim in own
    ]


def _not_counted(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Sentences on models that are no further samples, or were trained with other settings."""
    said = []
    for row in rows:
        for mean in row["means"]:
            spare, kept = mean["not_counted"], mean["experiments"]
            if spare:
                said.append(f"Not counted, with the seed of one of {', '.join(kept)}: "
                            f"{', '.join(spare)}.")  # fmt: skip
            if not mean["leading"]:
                said.append("Trained with other settings than the other rows, and in no claim: "
                            f"{', '.join(kept)}.")  # fmt: skip
    return list(dict.fromkeys(said))


def _data_sets(rows: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    """The data sets with their units: the paper's first, then those that only we have."""
    paper = [(name, row["unit"]) for row in rows for name in _printed(row)]
    ours = [(mean["test_set"], mean["unit"]) for row in rows for mean in row["means"]]
    return list(dict.fromkeys(paper + ours))


def _printed(row: dict[str, Any]) -> dict[str, float]:
    """The paper's error rates of a row that is its own."""
    return row["paper_error_rates"] if row["is_papers"] else {}


def _corresponding(row: dict[str, Any]) -> dict[str, str]:
    """The paper's error rate of the row that a smaller one corresponds to, on its hardest set."""
    if row["is_papers"] or not row["paper_error_rates"]:
        return {"paper's row": ""}
    test_set, rate = list(row["paper_error_rates"].items())[-1]
    return {"paper's row": f"{rate:.2f} {test_set}"}


def _of(row: dict[str, Any], test_set: str, unit: str) -> list[dict[str, Any]]:
    return [m for m in row["means"] if (m["test_set"], m["unit"]) == (test_set, unit)]


def _name(row: dict[str, Any], mean: dict[str, Any]) -> str:
    loops = mean.get("decoded_at")
    return row["row"] if loops is None else f"{row['row']} at {loops} loop{'s' * (loops > 1)}"


def _shape(row: dict[str, Any]) -> str:
    policy = row["loop_policy"]
    return row["shape"] if policy == "fixed" else f"{row['shape']} by {policy}"


def _executed(row: dict[str, Any], mean: dict[str, Any]) -> str:
    """Layers that an utterance runs: as decoded, where the rows' file alone does not say."""
    measured = mean.get("mean_executed_layers")
    return str(row["executed"]) if measured is None else f"{measured:.1f}".removesuffix(".0")


def _paper_size(row: dict[str, Any]) -> str:
    return f"{row['paper_size_in_millions']}M" if row["is_papers"] else ""


def _path(mean: dict[str, Any]) -> str:
    return f"{', '.join(mean['experiments'])}/{mean['decoding']}"


def _rate(mean: dict[str, Any] | None) -> str:
    if mean is None:
        return ""
    interval = _interval(mean["interval_95"])
    return f"{mean['error_rate']:.2f}" + (f" ({interval})" if interval else "")


def _interval(ends: dict[str, float] | None) -> str:
    return "{low:.2f}–{high:.2f}".format(**ends) if ends else ""


def _signed(ends: dict[str, float]) -> str:
    return "{low:+.2f} to {high:+.2f}".format(**ends)


def _number(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)


def _table(lines: Sequence[dict[str, str]]) -> str:
    """Lines as a table, without columns that are empty in all of them."""
    keys = [key for key in lines[0] if any(line[key] for line in lines)]
    rows = [[line[key] for key in keys] for line in lines]
    align = ("left", "left", *["right"] * (len(keys) - 2))
    return tabulate(rows, keys, "pipe", colalign=align, disable_numparse=True)
