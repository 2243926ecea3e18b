"""The encoder files that come with the package: rows of the paper's tables, and related systems.

    conf list
    conf show L1
    conf copy L1 my_encoder.yaml

In a training YAML an encoder file's two keys, encoder and encoder_conf, stand beside the others; a
recipe lays one over its YAML by name (--encoder_config L1).
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from espnet_recursive.bin.command import command, parser
from espnet_recursive.errors import UserError
from espnet_recursive.files.shared_files import encoder_file, encoder_files
from espnet_recursive.files.whole_files import whole_file


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument("action", choices=("list", "show", "copy"), help="what to do")
    p.add_argument("name", nargs="?", help="an encoder of the list")
    p.add_argument("output", nargs="?", type=Path, help="copy: the file to write, NAME.yaml")
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    p = get_parser()
    args = p.parse_args(cmd)
    if args.action == "list":
        for title, files in encoder_files().items():
            print(title)
            for name, path in files.items():
                print(f"    {name:<30} {_heading(path)}")
        return
    if args.name is None:
        p.error(f"{args.action} needs a NAME: conf list shows them")
    text = encoder_file(args.name).read_text(encoding="utf-8")
    if args.action == "show":
        print(text, end="")
        return
    output = args.output or Path(f"{args.name}.yaml")
    if output.exists():
        raise UserError(f"{output} is there already: name another file")
    with whole_file(output) as file:
        file.write(text)
    print(output)


def _heading(path: Path) -> str:
    """The first line of its comment."""
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    return first.removeprefix("#").strip() if first.startswith("#") else ""


if __name__ == "__main__":
    main()
