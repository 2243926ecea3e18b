"""Audio files, and disks that are full."""

import numpy as np
import pytest
import soundfile

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.format_audio import format_data_dir
from espnet_recursive.recipe.perturb_speed import perturb_audio
from espnet_recursive.recipe.write_audio import write_audio


@pytest.mark.parametrize("audio_format", ["flac", "wav"])
def test_samples_and_comment(audio_format, tmp_path):
    path = tmp_path / f"x.{audio_format}"
    samples = np.random.default_rng(0).uniform(-1, 1, 999).astype("float32")
    write_audio(path, samples, 8000, audio_format, comment="of x")
    with soundfile.SoundFile(path) as file:
        assert (file.samplerate, file.subtype, file.comment) == (8000, "PCM_16", "of x")
        np.testing.assert_allclose(file.read(), samples, atol=2**-15)


@pytest.mark.parametrize("nj", [1, 2])
def test_full_disk_while_formatting(nj, an4, small_disk):
    """Files that were finished are kept, and used by the next call."""
    disk = small_disk("256k")
    (disk / "other").write_bytes(bytes(160_000))
    with pytest.raises(UserError, match=f"no space left on the disk of {disk}/train/data. Free"):
        format_data_dir(an4["train"], disk / "train", 16000, nj=nj)
    finished = {path: path.stat().st_mtime_ns for path in (disk / "train" / "data").iterdir()}
    assert finished and not (disk / "train" / "wav.scp").exists()
    (disk / "other").unlink()
    format_data_dir(an4["train"], disk / "train", 16000, nj=nj)
    assert all(path.stat().st_mtime_ns == time for path, time in finished.items())
    assert len((disk / "train" / "wav.scp").read_text().splitlines()) == 5


def test_full_disk_while_perturbing(an4, small_disk):
    disk = small_disk("64k")
    with pytest.raises(UserError, match=f"no space left on the disk of {disk}. Free"):
        perturb_audio(an4["train"] / "wav.scp", ["0.9", "1.1"], disk)
    assert not list(disk.glob(".*"))
    for path in disk.iterdir():
        assert len(soundfile.read(path)[0])
