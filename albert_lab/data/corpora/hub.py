"""Texts of a data set of the Hugging Face hub; the only home of `datasets`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from albert_lab.config.training import DataConfig
from albert_lab.data.corpora.textfiles import text_of
from albert_lab.errors import UserError, first_line, nearest


def hub_texts(data: DataConfig) -> Iterator[str]:
    """The text of each record of `data.dataset` (a name on the hub, or a local folder of data files).

    Raises: UserError where the hub can't be reached, and for an unknown data set, configuration, split or text key.
    """
    if not data.dataset:
        raise UserError("data.dataset is not set: data.corpus=hub needs a name, e.g. data.dataset=Salesforce/wikitext")
    with _explained(data):
        for number, record in enumerate(_load(data)):
            yield text_of(record, data.text_key, f"record {number} of data.dataset={data.dataset!r}")


def _load(data: DataConfig) -> Any:
    from datasets import load_dataset

    return load_dataset(
        data.dataset, data.dataset_config, split=data.split, revision=data.revision, streaming=data.streaming
    )


@contextmanager
def _explained(data: DataConfig) -> Iterator[None]:
    """Turns the library's errors into one line with the mend; a stream can lose its network half-way too."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        yield
    except (ConnectionError, LocalEntryNotFoundError):
        raise UserError(
            f"data.dataset={data.dataset!r} can't be fetched: no network. Put its files on this machine and name them: "
            f"data.corpus=text data.files=['FOLDER/*.parquet'] data.text_key={data.text_key}"
        ) from None
    except FileNotFoundError as error:
        raise UserError(f"data.dataset={data.dataset!r} was not found ({first_line(error)})") from None
    except ValueError as error:
        raise UserError(
            f"data.dataset={data.dataset!r} data.dataset_config={data.dataset_config!r} data.split={data.split!r}: "
            f"{first_line(error)}{_nearest_split(data, error)}"
        ) from None


def _nearest_split(data: DataConfig, error: ValueError) -> str:
    return nearest(data.split, ["train", "validation", "test"]) if "split" in str(error) else ""
