"""`data.corpus=hub`: a data set of the Hugging Face hub."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from albert_lab.config.training import DataConfig
from albert_lab.data.corpora.corpus import Corpus
from albert_lab.data.corpora.documents import Line, lines_of_records
from albert_lab.data.corpora.readers import FILE_TYPES, text_of
from albert_lab.errors import UserError, first_line, nearest
from albert_lab.storage.digests import identify_files


class HubCorpus(Corpus):
    """The records of `data.dataset`: a name on the hub, or a local folder of data files."""

    name = "hub"

    def check_settings(self) -> None:
        if not self.data.dataset:
            raise UserError("data=hub needs data.dataset=NAME, as in data.dataset=Salesforce/wikitext")

    def identity(self) -> dict[str, Any]:
        data = self.data
        identity: dict[str, Any] = {
            "corpus": "hub",
            "dataset": data.dataset,
            "config": data.dataset_config,
            "split": data.split,
            "revision": data.revision,
        }
        if data.dataset and Path(data.dataset).is_dir():
            files = sorted(file for file in Path(data.dataset).rglob("*") if file.is_file() and _holds_data(file))
            identity |= {"dataset": "local folder", "files": identify_files(files, self.cache)}
        return identity

    def lines(self, workers: int | None = None) -> Iterator[Line]:
        """Raises: UserError where the hub can't be reached, and for an unknown data set, split or text key."""
        yield from lines_of_records(_read_texts(self.data), self.data)


def _holds_data(file: Path) -> bool:
    return any(suffix in (*FILE_TYPES, ".json", ".csv", ".arrow") for suffix in file.suffixes)


def _read_texts(data: DataConfig) -> Iterator[str]:
    from datasets import load_dataset

    name = f"data.dataset={data.dataset!r}"
    asked = f"{name} data.dataset_config={data.dataset_config!r} data.split={data.split!r}"
    instead = (
        "Put its files on this machine and name them: "
        f"data.corpus=text data.files=['FOLDER/*.parquet'] data.text_key={data.text_key}"
    )
    with explain_errors(name, asked, data.split, instead):
        records = load_dataset(
            data.dataset, data.dataset_config, split=data.split, revision=data.revision, streaming=data.streaming
        )
        for number, record in enumerate(records):
            yield text_of(record, data.text_key, f"record {number} of data.dataset={data.dataset!r}")


@contextmanager
def explain_errors(name: str, asked: str, split: str, instead: str) -> Iterator[None]:
    """Turns the errors of `datasets` into one line that says what to do; a stream can lose its network half-way too.

    Args:
        name: the data set, as the message calls it.
        asked: all that was asked for.
        instead: what to do without a network.
    """
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        yield
    except (ConnectionError, LocalEntryNotFoundError):
        raise UserError(f"{name} can't be fetched: no network. {instead}") from None
    except FileNotFoundError as error:
        raise UserError(f"{name} was not found ({first_line(error)})") from None
    except UserError:
        raise
    except ValueError as error:
        hint = nearest(split, ["train", "validation", "test"]) if "split" in str(error) else ""
        raise UserError(f"{asked}: {first_line(error)}{hint}") from None
