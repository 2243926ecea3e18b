"""NIST's scorer, where it is installed, and our counts in its order."""

import re
import shutil
import subprocess

#: NIST's scorer: "sctk sclite" in Debian, "sclite" elsewhere.
SCLITE = next(([*c] for c in (["sctk", "sclite"], ["sclite"]) if shutil.which(c[0])), None)


def sclite(directory):
    """The counts (hits, substitutions, deletions, insertions) of each utterance, by sclite."""
    output = subprocess.run(
        [*SCLITE, "-r", directory / "ref.trn", "trn", "-h", directory / "hyp.trn", "trn"]
        + ["-i", "rm", "-s", "-e", "utf-8", "-o", "pra", "stdout"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = re.findall(r"id: \(\w+-(\S+)\)\nScores: \(#C #S #D #I\) (.*)", output)
    return {key: tuple(map(int, numbers.split())) for key, numbers in found}


def counts_of(utterances):
    """The same counts, of what we counted."""
    return {
        key: (u.units - u.substitutions - u.deletions, u.substitutions, u.deletions, u.insertions)
        for key, u in utterances.items()
    }
