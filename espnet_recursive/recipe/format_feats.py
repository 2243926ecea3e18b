"""Stage 3 for features that were computed before: their size, and the length of each utterance."""

from pathlib import Path

from tqdm import tqdm

from espnet_recursive.errors import UserError
from espnet_recursive.files.whole_files import whole_file
from espnet_recursive.recipe.data_dir import check_other_dir, read_source, write_data_dir
from espnet_recursive.recipe.feats import read_features


def format_feats(source: Path | str, target: Path | str) -> None:
    """Write the data directory `target` from `source`, whose features are read once and stay there.

    Args:
        source: A data directory with feats.scp, text and utt2spk.
        target: The directory to write; it also gets utt2num_frames, feats_dim and feats_type.

    Raises:
        UserError: If features are missing, cut off, empty, or not of one dimension.
    """
    source, target = Path(source), Path(target)
    check_other_dir(source, target)
    feats_scp, text, utt2spk = read_source(source, "feats.scp")
    frames, dimension, first = {}, 0, ""
    for utterance, place in tqdm(feats_scp.items(), desc=f"format {source.name}", unit="utt"):
        features = read_features(place, utterance)
        frames[utterance] = len(features)
        if not dimension:
            dimension, first = features.shape[1], utterance
        if features.shape[1] != dimension:
            raise UserError(
                f"{source}/feats.scp: {first} has {dimension} features in a frame, {utterance} has "
                f"{features.shape[1]}. Make them all in one way."
            )
    for name, content in (("feats_dim", dimension), ("feats_type", "extracted")):
        with whole_file(target / name) as file:
            file.write(f"{content}\n")
    write_data_dir(target, feats_scp, text, utt2spk, scp="feats.scp", utt2num_frames=frames)
