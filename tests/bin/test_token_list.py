"""The command of stage 5."""

import pytest

from espnet_recursive.bin.token_list import main
from espnet_recursive.recipe.token_list import read_sentences, train_bpe


def test_several_texts_are_one(recipe_dir, tmp_path):
    texts = [recipe_dir / "data" / name / "text" for name in ("train", "dev")]
    options = ["--nbpe", "28", "--bpemode", "bpe", "--bpe_nlsyms", "<noise>,<laugh>"]
    main([*map(str, texts), "--output_dir", str(tmp_path / "command"), *options])
    sentences = [sentence for text in texts for sentence in read_sentences(text)]
    train_bpe(sentences, tmp_path / "function", 28, "bpe", ["<noise>", "<laugh>"])
    written = (tmp_path / "command" / "tokens.txt").read_text(encoding="utf-8")
    assert written == (tmp_path / "function" / "tokens.txt").read_text(encoding="utf-8")
    assert {"<noise>", "<laugh>"} <= set(written.split())


def test_too_large(recipe_dir, tmp_path):
    text = str(recipe_dir / "data" / "train" / "text")
    with pytest.raises(SystemExit, match=r"Error: .* 5000 tokens \(--nbpe\)"):
        main([text, "--output_dir", str(tmp_path / "bpe"), "--nbpe", "5000"])
    assert not list(tmp_path.iterdir())
