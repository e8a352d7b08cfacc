"""Fast tokenizers side by side: `python -m benchmarks.tokenizers_speed [--rounds 7] [--json]`.

Ours against transformers' on the same lines with the same vocabulary: one call for all lines, one call per line, and
one call that also returns each token's offsets. Rounds alternate which of the two goes first; the median counts.

Text and vocabulary: wikitext-2's test file and the English one if the shared data is next to the repository, else
made-up text and a vocabulary trained on it.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[2] / "shared" / "data"
Run = Callable[[], Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        text, vocabulary, name = _material(Path(scratch))
        found = {"text": name, "lines": len(text), "characters": sum(map(len, text)), "cores": _cores()}
        found["runs"] = {what: _race(*pair, arguments.rounds) for what, pair in _runs(text, vocabulary).items()}
    print(json.dumps(found, indent=2) if arguments.json else _table(found))


def _material(scratch: Path) -> tuple[list[str], Path, str]:
    """(lines, the folder of a spiece.model, what they are)."""
    text, model = DATA / "wikitext-2" / "test.txt", DATA / "spm" / "spiece.model"
    if text.exists() and model.exists():
        (scratch / "spiece.model").write_bytes(model.read_bytes())
        return text.read_text(encoding="utf-8").split("\n"), scratch, "wikitext-2 test"
    from albert_lab.config.training import TokenizerConfig
    from albert_lab.data.store.train_vocabulary import train_vocabulary

    lines = _made_up(4000)
    (scratch / "spiece.model").write_bytes(train_vocabulary(lines, TokenizerConfig(vocab_size=400)))
    return lines, scratch, "made-up text"


def _made_up(lines: int) -> list[str]:
    import random

    draw = random.Random(0)
    words = ["".join(draw.choices("abdegiklmnoprstuvz", k=draw.randint(2, 9))) for _ in range(2000)]
    weights = [1 / rank for rank in range(1, 2001)]
    return [" ".join(draw.choices(words, weights, k=draw.randint(5, 80))) + "." for _ in range(lines)]


def _runs(text: list[str], folder: Path) -> dict[str, tuple[Run, Run]]:
    from transformers import AlbertTokenizer as Theirs

    from albert_lab.tokenizer import AlbertTokenizerFast

    ours, theirs = AlbertTokenizerFast.from_pretrained(folder), Theirs.from_pretrained(folder)
    alike = {"return_token_type_ids": True}  # transformers 5 leaves them out by itself
    return {
        "one call": (lambda: ours(text), lambda: theirs(text, **alike)),
        "a call per line": (
            lambda: [ours(line) for line in text],
            lambda: [theirs(line, **alike) for line in text],
        ),
        "one call, with offsets": (
            lambda: ours(text, return_offsets_mapping=True),
            lambda: theirs(text, return_offsets_mapping=True, **alike),
        ),
    }


def _race(ours: Run, theirs: Run, rounds: int) -> dict[str, float]:
    """Median seconds of each."""
    seconds: dict[str, list[float]] = {"ours": [], "theirs": []}
    both = [("ours", ours), ("theirs", theirs)]
    for number in range(rounds + 1):
        for name, run in both[:: 1 if number % 2 else -1]:
            start = time.perf_counter()
            run()
            if number:  # the first round warms caches
                seconds[name].append(time.perf_counter() - start)
    found = {name: statistics.median(times) for name, times in seconds.items()}
    return found | {"times_as_fast": found["theirs"] / found["ours"]}


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _table(found: dict[str, Any]) -> str:
    lines = [f"{found['text']}: {found['lines']} lines, {found['characters']} characters, {found['cores']} cores"]
    lines.append(f"{'':24}{'ours (s)':>10}{'theirs (s)':>12}{'ratio':>8}")
    for what, run in found["runs"].items():
        lines.append(f"{what:24}{run['ours']:10.3f}{run['theirs']:12.3f}{run['times_as_fast']:8.2f}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
