"""A trained recipe with its pack, and experiments of every architecture."""

from tests.convert.conftest import recipe as experiments  # noqa: F401
from tests.publish.conftest import hub, pack_copy, packed, private_home, recipe  # noqa: F401
from tests.recipe.conftest import trainings  # noqa: F401
