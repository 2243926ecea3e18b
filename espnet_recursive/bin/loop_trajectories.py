"""How the latent state of a recursive encoder moves over the loops, also beyond those of training.

    espnet-recursive loop-trajectories --model exp/asr_L1 --data_dir dump/raw/test \\
        --output_dir exp/asr_L1/loop_trajectories --num_loops 20

After each loop: the length of the state and of its update, the relative change (that of the exit
criterion latent), and the angles to the state before, between successive updates, to the state of
the trained depth and to the last. loop_trajectories.csv has them for each utterance, .json and the
printed table their means; .png and .svg show them, with the paths of some frames in the plane in
which they move most.
"""

import argparse
from collections.abc import Sequence

from espnet_recursive.bin.command import command, parser
from espnet_recursive.bin.hidden_states_options import add_hidden_states_options
from espnet_recursive.errors import UserError
from espnet_recursive.model.quiet import quiet_libraries


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    add_hidden_states_options(p)
    p.add_argument(
        "--num_loops", type=int, help="loops to run, not fewer than the configuration says (those)"
    )
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    # These import ESPnet's tasks, for which a help should not wait.
    from espnet_recursive.analysis.hidden_states_model import Speech, encode_all, load_states
    from espnet_recursive.analysis.loop_trajectory import trajectories
    from espnet_recursive.analysis.loop_trajectory_picture import plot_trajectories
    from espnet_recursive.analysis.loop_trajectory_table import (
        TrajectoryReport,
        trajectory_text,
        write_trajectories,
    )

    speech = Speech(args.audio, args.data_dir, args.max_utterances)
    with quiet_libraries():
        states = load_states(args.model, args.model_file, args.device, args.any_size)
        if (shape := states.recursion) is None:
            raise UserError(f"{args.model} runs each layer once. Name a model that recurs.")
        loops = shape.num_loops if args.num_loops is None else args.num_loops
        if loops < shape.num_loops:
            raise UserError(
                f"--num_loops {loops}: the model was trained with {shape.num_loops}, and what "
                "fewer do is seen on the way. Leave it out, or name more."
            )
        states.set_loops(loops)
        result = trajectories(encode_all(states, speech), shape, loops)
    report = TrajectoryReport(args.model, speech.name, result)
    write_trajectories(report, args.output_dir)
    path = args.output_dir / "loop_trajectories"
    plot_trajectories(report, [path.with_suffix(".png"), path.with_suffix(".svg")])
    print(trajectory_text(report))
    print(args.output_dir)


if __name__ == "__main__":
    main()
