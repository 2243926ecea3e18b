"""The trained recipe and its pack, of the tests of publishing."""

from tests.publish.conftest import packed, private_home, recipe  # noqa: F401
