"""A language model of pairs of words in ARPA's form, from the texts of a data directory.

    python benchmarks/bigram_arpa.py data/train_nodev/text bigram.arpa

Interpolated absolute discounting (0.75 of each count goes to the words' own probabilities, of which
one part in (texts' words + vocabulary) goes to unknown ones). For measuring decoders; KenLM's lmplz
makes better models of larger texts.
"""

import argparse
import math
from collections import Counter, defaultdict
from pathlib import Path

from espnet_recursive.files.whole_files import whole_file
from espnet_recursive.recipe.data_dir import read_table

DISCOUNT = 0.75


def main(cmd: list[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("text", type=Path, help="text of a data directory")
    parser.add_argument("arpa", type=Path, help="the file to write")
    args = parser.parse_args(cmd)
    sentences = [text.split() for text in read_table(args.text).values()]
    with whole_file(args.arpa, "w") as file:
        file.write(arpa(sentences))
    print(args.arpa)


def arpa(sentences: list[list[str]]) -> str:
    """The text of the file."""
    words, pairs = Counter[str](), Counter[tuple[str, str]]()
    for sentence in sentences:
        whole = ["<s>", *sentence, "</s>"]
        words.update(whole[1:])
        pairs.update(zip(whole, whole[1:], strict=False))
    after: dict[str, Counter[str]] = defaultdict(Counter)
    for (first, second), count in pairs.items():
        after[first][second] = count
    total = words.total() + len(words) + 1
    own = {word: (count + 1) / total for word, count in words.items()} | {"<unk>": 1 / total}
    lines = ["", "\\data\\", f"ngram 1={len(own) + 1}", f"ngram 2={len(pairs)}", "", "\\1-grams:"]
    for word, p in [("<s>", 0.0), *own.items()]:
        left = DISCOUNT * len(after[word]) / after[word].total() if after[word] else 1.0
        lines.append(f"{math.log10(p) if p else -99:.6f}\t{word}\t{math.log10(left):.6f}")
    lines += ["", "\\2-grams:"]
    for (first, second), count in pairs.items():
        number = after[first].total()
        p = max(count - DISCOUNT, 0) / number + DISCOUNT * len(after[first]) / number * own[second]
        lines.append(f"{math.log10(p):.6f}\t{first} {second}")
    return "\n".join([*lines, "", "\\end\\", ""])


if __name__ == "__main__":
    main()
