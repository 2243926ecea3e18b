"""What is kept out of messages."""

from espnet_recursive.files.access_tokens import without_tokens


def test_tokens_and_passwords(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "a-token-of-another-form")
    said = "Bearer abc.def failed at https://me:pass@host/x with hf_abcDEF123456789"
    assert without_tokens(said) == "Bearer *** failed at https://***@host/x with ***"
    assert without_tokens("401 for a-token-of-another-form") == "401 for ***"


def test_other_text_stays():
    said = "https://huggingface.co/user/name@main is not hf_x, user@host neither"
    assert without_tokens(said) == said
