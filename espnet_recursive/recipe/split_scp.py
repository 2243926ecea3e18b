"""Lists of utterances for jobs that run side by side."""

from contextlib import ExitStack
from itertools import cycle, islice
from pathlib import Path

from espnet_recursive.errors import UserError
from espnet_recursive.files.text_lines import read_lines
from espnet_recursive.files.whole_files import whole_file
from espnet_recursive.recipe.data_dir import LENGTHS, read_table, write_table


def split_scp(
    scp: Path | str,
    output_dir: Path | str,
    nj: int,
    name: str = "keys",
    longest_first: bool = False,
) -> int:
    """Write <name>.1.scp to <name>.<n>.scp, one list of utterances for each of n <= nj jobs.

    Where utt2num_samples (or utt2num_frames, of features) stands beside `scp`, the utterances are
    dealt out by length, so that the jobs end at about the same time. Other tables, such as the text
    of a language model, may be larger than the memory; they are dealt out line by line.

    Args:
        scp: A table of the utterances, such as wav.scp or text.
        output_dir: Where the lists go; older ones of the same name are removed.
        nj: Number of jobs, at most.
        name: First part of the files' names.
        longest_first: Whether each list is in the order of lengths, where they are known, and not
            of ids: then batches are of utterances of about the same length, and what needs too much
            memory does so at once.

    Returns:
        The number of jobs: `nj`, or the number of utterances where that is smaller.

    Raises:
        UserError: If there are no utterances.
    """
    scp, output_dir = Path(scp), Path(output_dir)
    for stale in output_dir.glob(f"{name}.*.scp"):
        # Not what only looks alike, such as the list itself.
        if stale.name.removeprefix(f"{name}.").removesuffix(".scp").isdigit():
            stale.unlink()
    lengths = [path for table in LENGTHS.values() if (path := scp.parent / table).exists()]
    if lengths:
        jobs = _split_by_length(scp, lengths[0], output_dir, nj, name, longest_first)
    else:
        jobs = _split_by_line(scp, output_dir, nj, name)
    if not jobs:
        raise UserError(f"{scp} is empty: there is nothing to do.")
    return jobs


def _split_by_length(
    scp: Path, lengths: Path, output_dir: Path, nj: int, name: str, longest_first: bool
) -> int:
    table, samples = read_table(scp), read_table(lengths)
    keys = sorted(sorted(table), key=lambda key: -int(samples.get(key, 0)))
    nj = min(nj, len(keys))
    for job in range(nj):
        part = {key: table[key] for key in keys[job::nj]}
        write_table(output_dir / f"{name}.{job + 1}.scp", part, sort=not longest_first)
    return nj


def _split_by_line(scp: Path, output_dir: Path, nj: int, name: str) -> int:
    nj = sum(1 for _ in islice(read_lines(scp), nj))
    with ExitStack() as stack:
        parts = [
            stack.enter_context(whole_file(output_dir / f"{name}.{job}.scp"))
            for job in range(1, nj + 1)
        ]
        for part, line in zip(cycle(parts), read_lines(scp), strict=False):
            part.write(f"{line}\n")
    return nj
