"""Access tokens and passwords, which must not stand in messages, logs and files."""

import re

#: What stands in their place.
HIDDEN = "***"

#: Tokens of the hub, and user:password@ in addresses.
_TOKEN = re.compile(r"\bhf_[A-Za-z0-9]{8,}|(?<=://)[^/\s@]+(?=@)|(?<=Bearer )\S+")


def without_tokens(text: str) -> str:
    """A message of another library without the tokens that it may repeat."""
    from huggingface_hub import get_token

    if token := get_token():
        text = text.replace(token, HIDDEN)
    return _TOKEN.sub(HIDDEN, text)
