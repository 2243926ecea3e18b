"""Upload a packed model to the Hugging Face hub (stage 15).

Writes the folder that is uploaded: the unpacked model, with a card that names the repository.
Without --dry_run false that is all; look at the folder, edit its README.md if you like, and run
again. An upload that was interrupted goes on where it was when the command is run again.

The token is that of `hf auth login` or of the variable HF_TOKEN; HF_ENDPOINT names another hub.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from espnet_recursive.bin.command import command, parser
from espnet_recursive.model.quiet import quiet_libraries


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__)
    p.add_argument("pack", type=Path, help="zip file of espnet-recursive pack")
    p.add_argument("--hf_repo", required=True, metavar="USER/NAME", help="the repository")
    p.add_argument("--folder", type=Path, help="folder to write (beside the pack: hf_USER_NAME)")
    p.add_argument(
        "--dry_run", choices=("true", "false"), default="true", help="only write the folder"
    )
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    # Imports pydantic, for which a help should not wait.
    from espnet_recursive.publish.upload import check_repository_name, upload, write_repository

    check_repository_name(args.hf_repo)
    default = args.pack.with_name(f"hf_{args.hf_repo.replace('/', '_')}")
    with quiet_libraries():
        folder = write_repository(args.pack, args.hf_repo, args.folder or default)
        if args.dry_run == "true":
            print(
                f"{folder} is what would be uploaded to {args.hf_repo}: with --dry_run false, or "
                "in a recipe with --upload_dry_run false"
            )
        else:
            print(upload(folder, args.hf_repo))


if __name__ == "__main__":
    main()
