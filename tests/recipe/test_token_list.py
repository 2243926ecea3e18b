"""Stage 5, against sentencepiece itself and against the tokenizer that ESPnet builds."""

import pytest
import sentencepiece
from espnet2.text.build_tokenizer import build_tokenizer
from espnet2.text.token_id_converter import TokenIDConverter

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.token_list import read_nlsyms, read_sentences, train_bpe

#: Different enough for a vocabulary of some size, in two scripts.
SENTENCES = [
    "THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG",
    "PACK MY BOX WITH FIVE DOZEN LIQUOR JUGS",
    "<noise> HOW VEXINGLY QUICK DAFT ZEBRAS JUMP",
    "你好 世界 <noise>",
]


def tokens_of(directory):
    return (directory / "tokens.txt").read_text(encoding="utf-8").splitlines()


def test_sentences_are_the_transcripts_without_ids(tmp_path):
    (tmp_path / "text").write_text("utt1 A  B\nutt2\nutt3 你好 Ä \n", encoding="utf-8")
    assert list(read_sentences(tmp_path / "text")) == ["A B", "你好 Ä"]


def test_tokens_as_espnet_wants_them(bpe):
    """Blank, unknown, the vocabulary without its three control symbols, start and end."""
    model = sentencepiece.SentencePieceProcessor(model_file=str(bpe / "bpe.model"))
    pieces = [model.id_to_piece(number) for number in range(len(model))]
    assert pieces[:3] == ["<unk>", "<s>", "</s>"]
    assert tokens_of(bpe) == ["<blank>", "<unk>", *pieces[3:], "<sos/eos>"]
    assert len(tokens_of(bpe)) == len(set(tokens_of(bpe))) == 30 - 3 + 3
    assert sorted(path.name for path in bpe.iterdir()) == ["bpe.model", "bpe.vocab", "tokens.txt"]


def test_returned_tokens_are_those_of_the_file(tmp_path):
    tokens = train_bpe(SENTENCES, tmp_path / "bpe", 50, bpemode="bpe")
    assert tokens == tokens_of(tmp_path / "bpe")


@pytest.mark.parametrize("mode", ["unigram", "bpe"])
def test_espnet_reads_the_text_back(tmp_path, mode):
    """Its tokenizer and its converter find every piece in the list, and give the text back."""
    train_bpe(SENTENCES, tmp_path / "bpe", 50, bpemode=mode)
    tokenizer = build_tokenizer("bpe", bpemodel=tmp_path / "bpe" / "bpe.model")
    converter = TokenIDConverter(tmp_path / "bpe" / "tokens.txt")
    model = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "bpe" / "bpe.model"))
    for sentence in SENTENCES:
        pieces = tokenizer.text2tokens(sentence)
        assert pieces == model.encode_as_pieces(sentence)
        ids = converter.tokens2ids(pieces)
        # Neither blank, nor unknown, nor sentence end, which are of no spoken word.
        assert 1 < min(ids) and max(ids) < converter.get_num_vocabulary_size() - 1
        assert tokenizer.tokens2text(converter.ids2tokens(ids)) == sentence


def test_real_transcripts(an4, bpe):
    tokenizer = build_tokenizer("bpe", bpemodel=bpe / "bpe.model")
    tokens = set(tokens_of(bpe))
    for sentence in read_sentences(an4["train"] / "text"):
        assert set(tokenizer.text2tokens(sentence)) <= tokens


def test_symbols_that_are_never_split(tmp_path):
    train_bpe(SENTENCES, tmp_path / "bpe", 48, nlsyms=["<noise>", "<laugh>"])
    assert {"<noise>", "<laugh>"} <= set(tokens_of(tmp_path / "bpe"))
    tokenizer = build_tokenizer("bpe", bpemodel=tmp_path / "bpe" / "bpe.model")
    pieces = tokenizer.text2tokens("JUMP<noise>JUMP <laugh>")
    assert pieces.count("<noise>") == pieces.count("<laugh>") == 1


def test_character_coverage(tmp_path):
    """The rarest characters become unknown where not all are covered."""
    sentences = ["A B C"] * 500 + ["世"]
    full = train_bpe(sentences, tmp_path / "full", 8, bpemode="bpe")
    most = train_bpe(sentences, tmp_path / "most", 7, bpemode="bpe", character_coverage=0.99)
    assert "世" in full
    assert "世" not in most


def test_too_many_tokens(tmp_path):
    (tmp_path / "bpe").mkdir()
    (tmp_path / "bpe" / "tokens.txt").write_text("old")
    with pytest.raises(UserError, match=r"1000 tokens \(--nbpe\).*<= \d+"):
        train_bpe(SENTENCES, tmp_path / "bpe", 1000)
    # The old list stays as it was, and nothing half-written lies beside it.
    assert list(tmp_path.iterdir()) == [tmp_path / "bpe"]
    assert (tmp_path / "bpe" / "tokens.txt").read_text() == "old"


def test_no_text(tmp_path):
    with pytest.raises(UserError, match="from this text"):
        train_bpe([], tmp_path / "bpe", 30)
    assert not list(tmp_path.iterdir())


def test_missing_text_is_named(tmp_path):
    try:
        train_bpe(read_sentences(tmp_path / "nowhere"), tmp_path / "bpe", 30)
    except (UserError, FileNotFoundError) as error:
        if "nowhere" not in str(error):
            raise
    else:
        pytest.fail("no error")


def test_same_text_same_model(tmp_path):
    for name in ("one", "two"):
        train_bpe(SENTENCES, tmp_path / name, 50)
    for name in ("bpe.vocab", "tokens.txt"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_folder_of_others_is_not_replaced(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match="would be replaced, and holds thesis.tex"):
        train_bpe(SENTENCES, tmp_path, 50)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(UserError, match="thesis.tex is a file"):
        train_bpe(SENTENCES, tmp_path / "thesis.tex", 50)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_symbols_of_a_file_are_those_of_a_list(tmp_path):
    """As in ESPnet, the first word of each line counts."""
    (tmp_path / "nlsyms").write_text("<noise>\n<laugh> of a person\n\n<noise>\n")
    symbols = read_nlsyms(str(tmp_path / "nlsyms"))
    assert symbols == read_nlsyms("<noise>,<laugh>,") == ["<noise>", "<laugh>"]
    tokens = train_bpe(SENTENCES * 3, tmp_path / "bpe", 45, nlsyms=symbols)
    assert tokens[2:4] == symbols
    model = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "bpe" / "bpe.model"))
    assert {"<noise>", "<laugh>"} <= set(model.encode_as_pieces("A <noise> <laugh>"))
    assert read_nlsyms("") == []


@pytest.mark.parametrize("symbol", ["<blank>", "<unk>", "<sos/eos>", "<s>", "</s>"])
@pytest.mark.parametrize("kind", ["list", "file"])
def test_symbols_that_every_list_has(tmp_path, symbol, kind):
    (tmp_path / "nlsyms").write_text(f"<noise>\n{symbol}\n")
    value = f"<noise>,{symbol}" if kind == "list" else str(tmp_path / "nlsyms")
    with pytest.raises(UserError, match=f"--bpe_nlsyms: {symbol} has a meaning of its own"):
        read_nlsyms(value)


def test_a_file_of_symbols_that_is_not_there(tmp_path):
    for path in (str(tmp_path / "nowhere"), "data/nlsyms", "nlsyms.txt", "<a b>"):
        with pytest.raises(UserError, match=f"{path}' is no file, .* check the path"):
            read_nlsyms(path)
    assert read_nlsyms("</noise>,[a/b],a.b") == ["</noise>", "[a/b]", "a.b"]
