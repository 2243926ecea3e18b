"""Whose messages are shown."""

import logging

import pytest

from espnet_recursive.model.quiet import quiet_libraries


def test_ours_and_warnings(caplog):
    caplog.set_level(logging.INFO)
    with quiet_libraries():
        logging.getLogger("espnet_recursive.publish.pack").info("ours")
        logging.getLogger("espnet2.tasks.asr").info("theirs")
        logging.getLogger("espnet2.tasks.asr").warning("their warning")
        logging.info("theirs too")
    assert [record.message for record in caplog.records] == ["ours", "their warning"]


def test_levels_are_put_back():
    before = logging.getLogger().level, logging.getLogger("espnet_recursive").level
    with pytest.raises(KeyError), quiet_libraries():
        raise KeyError
    assert (logging.getLogger().level, logging.getLogger("espnet_recursive").level) == before
