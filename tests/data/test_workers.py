"""Worker processes: results in order, errors raised in the caller, whose main module is never imported."""

import os
import pickle
import signal
import subprocess
import sys

import pytest

from albert_lab.data.workers import _BOOT, ordered_map
from albert_lab.errors import UserError
from tests.lab import HANG_SECONDS, ROOT


def square(number: int) -> int:
    print("a library's chatter")
    return number * number


def refuse(number: int) -> int:
    if number == 7:
        raise UserError("seven is refused")
    return number


def die(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("chunk", [1, 4])
def test_results_come_in_the_order_of_the_items(workers: int, chunk: int) -> None:
    assert list(ordered_map(square, range(50), workers, chunk)) == [number * number for number in range(50)]
    assert list(ordered_map(square, [], workers, chunk)) == []


def test_large_messages_do_not_block_each_other() -> None:
    """Far more than a pipe holds, in both directions at once."""
    texts = [str(number) * 300_000 for number in range(10, 30)]
    assert list(ordered_map(str.lower, texts, 2)) == texts


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_the_function_is_the_callers(workers: int) -> None:
    with pytest.raises(UserError, match="seven is refused"):
        list(ordered_map(refuse, range(50), workers))


def test_the_death_of_a_worker_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="ended with code -9"):
        list(ordered_map(die, range(50), 2))


def test_a_worker_ends_when_its_sender_dies_in_mid_message() -> None:
    worker = subprocess.Popen([sys.executable, "-c", _BOOT], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    message = pickle.dumps([b"a long text" * 10_000])
    worker.communicate(pickle.dumps(sys.path) + pickle.dumps(len) + message[: len(message) // 2], HANG_SECONDS)
    assert worker.returncode == 0


def test_the_stream_is_read_no_further_than_needed() -> None:
    read = []
    stream = ordered_map(square, (read.append(number) or number for number in range(1000)), 2)  # type: ignore[func-returns-value]
    assert next(stream) == 0
    assert len(read) <= 5
    stream.close()


def test_the_callers_main_module_is_not_run_again() -> None:
    """A script from standard input, without a guard."""
    script = (
        "from albert_lab.data.workers import ordered_map\n"
        "from albert_lab.data.corpora.sentences import split_sentences\n"
        "print(list(ordered_map(split_sentences, ['One. Two.', 'Three.'], 2)))\n"
    )
    done = subprocess.run(
        [sys.executable], input=script, capture_output=True, text=True, cwd=ROOT, timeout=HANG_SECONDS
    )
    assert done.stdout == "[['One.', 'Two.'], ['Three.']]\n", done.stderr
