"""The rows of the tables with all their layers, but tiny ones."""

import pytest
import yaml

from espnet_recursive.files.shared_files import paper_rows_dir


@pytest.fixture(scope="session")
def rows(tmp_path_factory):
    """A folder like conf/encoder/."""
    folder = tmp_path_factory.mktemp("rows")
    for path in paper_rows_dir().glob("*.yaml"):
        config = yaml.safe_load(path.read_text())
        conf = config["encoder_conf"]
        conf |= {"output_size": 16} | {
            key: 32 for key in ("linear_units", "cgmlp_linear_units") if key in conf
        }
        (folder / path.name).write_text(yaml.safe_dump(config))
    return folder
