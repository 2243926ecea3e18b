"""Print what a shell needs to complete commands and options with the tab key.

    eval "$(espnet-recursive completion bash)"     # also zsh; put the line into ~/.bashrc, ~/.zshrc
    espnet-recursive completion fish | source      # into ~/.config/fish/config.fish

Commands, their options, the choices of an option and names of files are completed.
"""

import argparse
from collections.abc import Sequence

from espnet_recursive.bin.command import command, parser

#: The console script.
_SCRIPT = "espnet-recursive"


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell that you use")
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    import argcomplete

    print(argcomplete.shellcode([_SCRIPT], shell=args.shell))


if __name__ == "__main__":
    main()
