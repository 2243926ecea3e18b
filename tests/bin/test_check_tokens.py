"""The command that refuses other tokens for a training that is there."""

import pytest

from espnet_recursive.bin.check_tokens import main


@pytest.fixture
def exp(tmp_path):
    folder = tmp_path / "asr_x"
    folder.mkdir()
    (folder / "checkpoint.pth").touch()
    (folder / "config.yaml").write_text("token_list: [<blank>, A, B, <sos/eos>]\n")
    return folder


def test_it_names_the_option(exp, tmp_path):
    tokens = tmp_path / "tokens.txt"
    tokens.write_text("<blank>\nA\nB\n<sos/eos>\n")
    main([str(exp), "--token_list", str(tokens)])
    tokens.write_text("<blank>\nB\nA\n<sos/eos>\n")
    with pytest.raises(SystemExit, match="Choose another --lm_tag, or remove"):
        main([str(exp), "--token_list", str(tokens), "--option", "lm_tag"])


@pytest.mark.parametrize(("token_type", "refused"), [("bpe", True), ("char", False)])
def test_a_number_counts_of_subwords_alone(exp, token_type, refused):
    words = [str(exp), "--token_list", "none.txt", "--token_type", token_type, "--nbpe", "30"]
    if refused:
        with pytest.raises(SystemExit, match="4 tokens there, 30 here"):
            main(words)
    else:
        main(words)
