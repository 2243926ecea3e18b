"""Rows as RESULTS_PAPER.json has them."""


def mean(
    rate, test_set="test", decoding="lm", decoded_at=None, seeds=(), leading=True, layers=None
):
    name = decoding if decoded_at is None else f"{decoding}_num_loops{decoded_at}"
    return {
        "decoding": name,
        "own_decoding": decoding,
        "decoded_at": decoded_at,
        "test_set": test_set,
        "unit": "wer",
        "error_rates": list(seeds) or [rate],
        "error_rate": rate,
        "interval_95": {"low": rate - 1, "high": rate + 1},
        "mean_executed_layers": layers,
        "leading": leading,
    }


def row(name, shape, means, own=False, table=None, policy="fixed", encoder="transformer"):
    keys = ("recurrent_blocks", "num_loops", "prelude_blocks", "coda_blocks")
    paper = {} if table is None else {"test_clean": 2.0, "test_other": 5.0}
    return {
        "row": name,
        "shape": shape,
        "recursion": dict(zip(keys, map(int, shape.strip("{}").split(",")), strict=True)),
        "encoder_name": f"latent_recursive_{encoder}",
        "loop_policy": policy,
        "executed": 12,
        "layers": 450_000,
        "is_papers": own,
        "paper_table": table,
        "paper_size_in_millions": 25.2 if paper else None,
        "paper_error_rates": paper,
        "unit": "wer" if paper else None,
        "means": means,
    }


#: As of a small recipe: rows that correspond to the paper's.
ROWS = [
    row("B", "{12, 1, 0, 0}", [mean(9.0), mean(8.0, "dev")], table=1),
    row("L1", "{2, 5, 1, 1}", [mean(10.0, seeds=[9, 11]), mean(60.0, leading=False)], table=1),
    row("loops_1", "{2, 1, 1, 1}", [mean(15.0), mean(20.0, decoded_at=2)], table=2),
    row("loops_20", "{2, 20, 1, 1}", [mean(12.0), mean(13.0, decoding="fast")], table=2),
    row(
        "loops_schedule",
        "{2, 20, 1, 1}",
        [mean(11.0, layers=42.0), mean(10.5, decoded_at=5, layers=12.0)],
        table=2,
        policy="schedule",
    ),
]
