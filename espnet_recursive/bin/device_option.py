"""The option --device of commands that compute with a model."""

import argparse


def add_device_option(parser: argparse.ArgumentParser, does: str) -> None:
    """Add --device, whose value :func:`espnet_recursive.model.device.usable_device` takes.

    Args:
        parser: That of a command.
        does: What happens there.
    """
    parser.add_argument(
        "--device", default="cpu", help=f"{does}: auto, cpu, cuda, cuda:0, cuda:1, ..., or mps"
    )
