"""Stage 15: the folder of a hub repository, from a pack, and its upload."""

import logging
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from espnet_recursive.errors import UserError, reason
from espnet_recursive.files.access_tokens import without_tokens
from espnet_recursive.files.whole_files import whole_dir
from espnet_recursive.model.find_model import unpack_model_into
from espnet_recursive.model.schema import read_meta

_LOG = logging.getLogger(__name__)


def write_repository(pack: Path | str, hf_repo: str, folder: Path | str) -> Path:
    """Write the folder that is uploaded: the unpacked pack, whose card names the repository.

    A folder that holds this very pack is left as it is, with a README.md that was edited since.

    Args:
        pack: A zip file that ``pack`` wrote.
        hf_repo: The repository, "user/name".
        folder: The folder to write.

    Returns:
        The folder.

    Raises:
        UserError: If `pack` is no whole pack, or the name is none for a repository.
    """
    check_repository_name(hf_repo)
    pack, folder = Path(pack), Path(folder)
    if not pack.is_file():
        raise UserError(f"{pack} does not exist: pack the model first (stage 14).")
    if folder.exists() and not (folder / "meta.yaml").exists():
        raise UserError(f"{folder} is there and is no model: name another --folder.")
    if _holds(folder, pack):
        _LOG.info("%s holds this model already and is left as it is", folder)
        return folder
    with whole_dir(folder) as part:
        unpack_model_into(pack, part)
        archive = read_meta(part / "meta.yaml", str(pack)).get("archive")
        card = part / "README.md"
        if not archive or not card.exists():
            raise UserError(f"{pack} has no model card: pack it with espnet-recursive pack.")
        try:
            text = card.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise UserError(f"{pack}: its README.md is not text in UTF-8") from error
        card.write_text(text.replace(archive, hf_repo), encoding="utf-8")
    return folder


def check_repository_name(hf_repo: str) -> None:
    """Refuse what is no "user/name" of the hub.

    Raises:
        UserError: With the reason.
    """
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(hf_repo)
        if "/" not in hf_repo:
            raise HFValidationError("the user or the organisation is missing")
    except HFValidationError as error:
        raise UserError(f"--hf_repo {hf_repo}: it is named <user>/<name>: {error}") from error


def upload(folder: Path | str, hf_repo: str) -> str:
    """Upload a folder as a model repository, which is made where there is none.

    The hub and the token are those of huggingface_hub: HF_ENDPOINT, HF_TOKEN, `hf auth login`. What
    arrived before an interruption is not sent again.

    Args:
        folder: What :func:`write_repository` wrote.
        hf_repo: The repository, "user/name".

    Returns:
        The address of the commit.

    Raises:
        UserError: If there is no token, it is not allowed to write there, or the network fails.
    """
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import HfHubHTTPError

    check_repository_name(hf_repo)
    if not get_token():
        raise UserError(
            "There is no token of the hub: run `hf auth login`, or set HF_TOKEN to a token that "
            "may write (made under Settings, Access Tokens)."
        )
    api = HfApi(library_name="espnet")
    try:
        api.create_repo(hf_repo, exist_ok=True)
        # Not upload_large_folder, which was for tens of thousands of files and is gone from
        # huggingface_hub 2: this one hashes, resumes and deduplicates by itself.
        commit = api.upload_folder(
            repo_id=hf_repo,
            folder_path=folder,
            commit_message="Upload model",
            ignore_patterns=[".cache/**"],
        )
    except Exception as error:  # httpx, huggingface_hub and its threads have no class in common
        of_hub = isinstance(error, HfHubHTTPError)
        said = reason(error if of_hub else error.__cause__ or error)
        said = without_tokens(" ".join(said.split()))
        if isinstance(error, HfHubHTTPError) and error.response.status_code in (401, 403):
            raise UserError(
                f"{api.endpoint} does not let this token write to {hf_repo}: {said} "
                "Check the user's name and the token's permissions."
            ) from error
        raise UserError(
            f"The upload to {api.endpoint}/{hf_repo} stopped: {said} "
            "Nothing is lost: run the same command again, and what arrived is not sent again."
        ) from error
    return str(commit.commit_url)


def _holds(folder: Path, pack: Path) -> bool:
    """Whether the folder was written from this pack: each has a time of its own in meta.yaml."""
    meta = folder / "meta.yaml"
    if not meta.exists():
        return False
    try:
        with ZipFile(pack) as archive:
            return archive.read("meta.yaml") == meta.read_bytes()
    except (BadZipFile, KeyError, RuntimeError, OSError, EOFError, ValueError):
        return False  # said when it is unpacked
