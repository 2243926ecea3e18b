"""Similarity of an encoder's layers, and which of them one recurrent block could replace.

    espnet-recursive layer-similarity --model exp/asr_B --data_dir dump/raw/test --output_dir out
    espnet-recursive layer-similarity --model openai/whisper-medium --audio *.flac --output_dir out

The model is any ESPnet recogniser, stock or recursive, or a Whisper in the form of Hugging Face's
transformers. Cosine similarity and linear CKA between the states after all executed layers, over
all frames, are written as a heat map (.png, .svg), as matrices (.npz, .csv) and as .json, all of
them layer_similarity*. The middle layers that are most alike are suggested as recurrent block.
"""

import argparse
from collections.abc import Sequence

from espnet_recursive.bin.command import command, parser
from espnet_recursive.bin.hidden_states_options import add_hidden_states_options
from espnet_recursive.model.quiet import quiet_libraries


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    add_hidden_states_options(p, "; or a Whisper, its folder or Hugging Face id")
    p.add_argument("--num_loops", type=int, help="loops of a recursive encoder (as configured)")
    p.add_argument("--cka_frames", type=int, default=1024, help="frames that CKA is estimated from")
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    # These import ESPnet's tasks, for which a help should not wait.
    from espnet_recursive.analysis.hidden_states_model import Speech, encode_all, load_states
    from espnet_recursive.analysis.layer_similarity import layer_similarity
    from espnet_recursive.analysis.layer_similarity_picture import plot_similarity
    from espnet_recursive.analysis.layer_similarity_table import (
        SimilarityReport,
        similarity_text,
        write_similarity,
    )

    speech = Speech(args.audio, args.data_dir, args.max_utterances)
    with quiet_libraries():
        states = load_states(args.model, args.model_file, args.device, args.any_size)
        if args.num_loops is not None:
            states.set_loops(args.num_loops)
        encoded = encode_all(states, speech)
        similarity = layer_similarity((of_one for _, of_one in encoded), args.cka_frames)
    report = SimilarityReport(args.model, speech.name, similarity, states.recursion)
    write_similarity(report, args.output_dir)
    path = args.output_dir / "layer_similarity"
    plot_similarity(report, [path.with_suffix(".png"), path.with_suffix(".svg")])
    print(similarity_text(report))
    print(args.output_dir)


if __name__ == "__main__":
    main()
