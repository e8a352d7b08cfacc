"""Finds the files of a checkpoint or a tokenizer in a local folder, or downloads them from the Hugging Face hub."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from fnmatch import fnmatch
from pathlib import Path

from albert_lab.errors import UserError, first_line

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_HUB_ADDRESS = re.compile(r"https?://(?:www\.)?(?:huggingface\.co|hf\.co)/([^/?#]+/[^/?#]+)")
_WITHOUT_USER = re.compile(r"albert-(base|large|xlarge|xxlarge)-v[12]")  # the hub's older names of Google's models


def pretrained_folder(
    name_or_path: str | os.PathLike[str],
    patterns: Sequence[str],
    *,
    revision: str | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    local_files_only: bool = False,
    token: str | bool | None = None,
    force_download: bool = False,
) -> Path:
    """The local folder that holds the files of a checkpoint or a tokenizer.

    A `Path`, and the name of an existing folder, are taken as they are. Only a string `user/name` that names no folder
    is looked up on the hub; of that repository, the files that match `patterns` (as in "*.json") are downloaded into
    `cache_dir` or the hub's own cache; `force_download` fetches them again even if they are there.

    Raises:
        UserError: neither a folder nor a hub name; a repository, revision or network that can't be reached; a
            repository without any such file.
    """
    name = os.fspath(name_or_path)
    path = Path(name).expanduser()
    if name and path.is_dir():
        return path
    if path.is_file():
        raise UserError(f"{name!r} is a file; give the folder that holds it: {str(path.parent)!r}")
    repository = f"albert/{name}" if _WITHOUT_USER.fullmatch(name) else name
    if isinstance(name_or_path, os.PathLike) or not _is_hub_id(repository):
        raise UserError(f"there is no folder {name!r}{_suggest(name, path)}")
    with _explain_hub_errors(repository, revision, path):
        folder = _download(repository, patterns, revision, cache_dir, local_files_only, token, force_download)
    if not _has_match(folder, patterns):
        raise UserError(f"{repository!r} on the hub has no file that matches {' or '.join(patterns)}")
    return folder


def _has_match(folder: Path, patterns: Sequence[str]) -> bool:
    """Whether any file was downloaded: the hub's library returns a folder even if none matched."""
    files = (str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())
    return any(fnmatch(file, pattern) for file in files for pattern in patterns)


def _is_hub_id(name: str) -> bool:
    return _HUB_ID.fullmatch(name) is not None and len(name) <= 96 and "--" not in name and ".." not in name


def _suggest(name: str, path: Path) -> str:
    """What the user probably meant: the name in a hub address, or an existing folder of almost the same name."""
    address = _HUB_ADDRESS.match(name)
    if address:
        return f"; did you mean {address[1]!r}?"
    return _nearest_sibling(path) or "; give an existing folder, or a name on the hub such as 'albert/albert-base-v2'"


def _nearest_sibling(path: Path) -> str:
    """` (nearest: '...')` for a folder of almost that name in the same parent folder, else nothing."""
    if not path.name or not path.parent.is_dir():
        return ""
    folders = [entry.name for entry in path.parent.iterdir() if entry.is_dir()]
    close = get_close_matches(path.name, folders, n=1, cutoff=0.6)
    return f" (nearest: {str(path.parent / close[0])!r})" if close else ""


def _download(
    repository: str,
    patterns: Sequence[str],
    revision: str | None,
    cache_dir: str | os.PathLike[str] | None,
    local_files_only: bool,
    token: str | bool | None,
    force_download: bool,
) -> Path:
    from huggingface_hub import snapshot_download

    return Path(
        snapshot_download(
            repository,
            revision=revision,
            cache_dir=None if cache_dir is None else os.fspath(cache_dir),
            allow_patterns=list(patterns),
            local_files_only=local_files_only,
            token=token,
            force_download=force_download,
        )
    )


@contextmanager
def _explain_hub_errors(repository: str, revision: str | None, path: Path) -> Iterator[None]:
    """Turns the library's errors into one line that says what was tried and what to do."""
    from huggingface_hub import errors

    tried = f"there is no folder {str(path)!r}{_nearest_sibling(path)}, and {repository!r}"
    try:
        yield
    except errors.GatedRepoError:
        raise UserError(
            f"{tried} on the hub is for those who were granted access; log in with 'hf auth login'"
        ) from None
    except errors.RevisionNotFoundError:
        raise UserError(
            f"{repository!r} on the hub has no revision {revision!r}; leave it out for the newest"
        ) from None
    except errors.RepositoryNotFoundError:
        raise UserError(f"{tried} is not on the hub, or is private: 'hf auth login' shows yours") from None
    except errors.LocalEntryNotFoundError as error:
        raise UserError(
            f"{tried} can't be fetched from the hub ({_why_unreachable(error)}) nor found in its cache; "
            "put its files in a folder and name that"
        ) from None
    except (OSError, errors.HTTPError, errors.XetDownloadError) as error:
        raise UserError(f"{tried} can't be fetched from the hub: {first_line(error)}") from None


def _why_unreachable(error: Exception) -> str:
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set"
    return "local_files_only is set" if error.__cause__ is None else f"no network: {first_line(error.__cause__)}"
