"""Lists of utterances for jobs that run side by side."""

from pathlib import Path

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.data_dir import read_table, write_table


def split_scp(scp: Path | str, output_dir: Path | str, nj: int, name: str = "keys") -> int:
    """Write <name>.1.scp to <name>.<n>.scp, one list of utterances for each of n <= nj jobs.

    Where utt2num_samples stands beside `scp`, the utterances are dealt out by length, so that the
    jobs end at about the same time.

    Args:
        scp: A table of the utterances, such as wav.scp or text.
        output_dir: Where the lists go; older ones of the same name are removed.
        nj: Number of jobs, at most.
        name: First part of the files' names.

    Returns:
        The number of jobs: `nj`, or the number of utterances where that is smaller.

    Raises:
        UserError: If there are no utterances.
    """
    scp = Path(scp)
    table = read_table(scp)
    if not table:
        raise UserError(f"{scp} is empty: there is nothing to do.")
    keys = sorted(table)
    lengths = scp.parent / "utt2num_samples"
    if lengths.exists():
        samples = read_table(lengths)
        keys.sort(key=lambda key: -int(samples.get(key, 0)))
    nj = min(nj, len(keys))
    for stale in Path(output_dir).glob(f"{name}.*.scp"):
        stale.unlink()
    for job in range(nj):
        part = {key: table[key] for key in keys[job::nj]}
        write_table(Path(output_dir) / f"{name}.{job + 1}.scp", part)
    return nj
