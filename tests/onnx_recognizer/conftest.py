"""An exported recogniser."""

from tests.convert.conftest import recipe  # noqa: F401
from tests.export.test_recogniser_export import exported  # noqa: F401
