"""Real speech for frontends."""

import pytest
import soundfile

from espnet_recursive.corpora.mini_an4 import prepare_mini_an4


@pytest.fixture(scope="session")
def speech(tmp_path_factory):
    """Recording of AN4 -> float32 samples in +-1 at 16 kHz."""
    folder = tmp_path_factory.mktemp("mini_an4")
    prepare_mini_an4(folder / "data", folder / "downloads")
    lines = [line for scp in folder.glob("data/*/wav.scp") for line in scp.read_text().splitlines()]
    paths = sorted({line.split()[1] for line in lines})
    return {
        path.rpartition("/")[2].removesuffix(".sph"): soundfile.read(path, dtype="float32")[0]
        for path in paths
    }
