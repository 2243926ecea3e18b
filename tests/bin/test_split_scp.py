"""The command that splits lists for jobs."""

from espnet_recursive.bin.split_scp import main
from espnet_recursive.recipe.data_dir import read_table


def test_number_of_jobs_is_printed_alone(recipe_dir, tmp_path, capsys):
    """asr.sh reads it from standard output."""
    scp = recipe_dir / "dump" / "raw" / "train" / "wav.scp"
    main([str(scp), str(tmp_path), "--nj", "32", "--name", "train"])
    assert capsys.readouterr().out == "3\n"
    parts = [read_table(tmp_path / f"train.{job}.scp") for job in (1, 2, 3)]
    assert {key: value for part in parts for key, value in part.items()} == read_table(scp)
