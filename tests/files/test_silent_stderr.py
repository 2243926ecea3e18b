"""What C writes is not seen; what comes later is."""

import os

import pytest

from espnet_recursive.files.silent_stderr import silent_stderr


def test_silence_ends_with_the_block(capfd):
    os.write(2, b"before ")
    with pytest.raises(KeyError), silent_stderr():
        os.write(2, b"within ")
        raise KeyError
    os.write(2, b"after")
    assert capfd.readouterr().err == "before after"
