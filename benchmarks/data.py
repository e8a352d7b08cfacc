"""From text to batches: `python -m benchmarks.data [--part samples store loader] [--rounds 7] [--json]`.

samples: pairs and masked n-grams, tokens/s, against loops in Python that make a sample at a time: Google's in Google's
own manner (google_loop.py), and the same algorithm in lean Python (tests/data/samples/google_reference.py).
store: text to ids in one process on one thread, against transformers' fast tokenizer in one call for all sentences.
loader: what a training takes from the loader, tokens/s, with and without worker processes; what one worker makes and
what a batch costs the training process, from which the figure for eight workers is an estimate; and what a model eats
on the CPU, one thread.

Rounds are interleaved and medians count. Text and vocabulary: wikitext-2 and the English one where the shared data lies
beside the repository, else made-up text and a vocabulary trained on it.
"""

import argparse
import json
import lzma
import os
import pickle
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from albert_lab.config.schema import PretrainConfig
from albert_lab.config.training import DataConfig, ObjectiveConfig, TextFormat
from albert_lab.config.variant import ModelConfig
from albert_lab.data.corpora.sentences import split_sentences
from albert_lab.data.prepare import open_samples, prepare
from albert_lab.data.samples.pretraining import Samples
from benchmarks.google_loop import make_samples
from tests.data.samples.google_reference import instance
from tests.lab import SHARED_DATA, composed, made_up_text

ARTICLE = r"^ = [^=]*[^= ][^=]* = $"
H200_TOKENS = 830_000  # a second, ALBERT-base at 512: 60 % of 790 TFLOP/s at 0.57 GFLOP a token, on paper
H200_WORKERS = 8
BASE = ModelConfig(embedding_size=128, hidden_size=768, num_hidden_layers=12, num_attention_heads=12)
Count = Callable[[], int]  # does some work and says how many tokens (or characters) it was


def main() -> None:
    parts = {"samples": samples_part, "store": store_part, "loader": loader_part}
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--part", nargs="+", choices=parts, default=list(parts))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    asked = parser.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # one thread on either side
    with tempfile.TemporaryDirectory() as scratch:
        text = Text(Path(scratch))
        found: dict[str, Any] = {"text": text.name, "cores": len(os.sched_getaffinity(0)), "rounds": asked.rounds}
        for part in asked.part:
            found[part] = parts[part](text, asked.rounds)
    print(json.dumps(found, indent=2) if asked.json else table(found))


class Text:
    """The corpus of the benchmark: its lines, and its samples at any length."""

    def __init__(self, scratch: Path) -> None:
        self.config = config = PretrainConfig()
        config.paths.cache = str(scratch / "cache")
        source, model = SHARED_DATA / "wikitext-2" / "train.txt.xz", SHARED_DATA / "spm" / "spiece.model"
        self.name, file = "made-up text", scratch / "text.txt"
        if source.exists() and model.exists():
            self.name = "wikitext-2"
            file.write_bytes(lzma.decompress(source.read_bytes()))
            config.data = DataConfig(format=TextFormat.paragraphs, document_pattern=ARTICLE)
            config.tokenizer.model_file = str(model)
        else:
            file.write_text(made_up_text(2000))
            config.tokenizer.vocab_size = 300
        config.data.corpus, config.data.files = "text", [str(file)]
        self.lines = [line for line in file.read_text(encoding="utf-8").split("\n") if line.strip()]
        self.prepared = prepare(config.data, config.tokenizer, scratch / "cache", workers=1)

    def samples(self, max_seq_length: int) -> Samples:
        return open_samples(self.prepared, ObjectiveConfig(max_seq_length=max_seq_length), seed=0)


def race(runs: dict[str, Count], rounds: int) -> dict[str, float]:
    """Median tokens (or characters) a second of each; the first in every other round is the last in the next."""
    rates: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds + 1):
        for name, run in list(runs.items())[:: 1 if number % 2 else -1]:
            start = time.perf_counter()
            count = run()
            if number:  # the first round warms caches
                rates[name].append(count / (time.perf_counter() - start))
    return {name: statistics.median(values) for name, values in rates.items()}


def samples_part(text: Text, rounds: int) -> dict[str, Any]:
    return {
        f"{length} tokens": race({**ours_by_size(text.samples(length)), **loops(text.samples(length))}, rounds)
        for length in (128, 512)
    }


def ours_by_size(samples: Samples) -> dict[str, Count]:
    length = samples.objective.max_seq_length
    position = iter(range(0, 1 << 40, 4096))

    def counted(groups: int, size: int) -> Count:
        def run() -> int:
            tokens, first = 0, next(position)
            for _ in range(max(1, (1 << 18) // (groups * size * length))):
                together = [np.arange(first + size * k, first + size * (k + 1)) for k in range(groups)]
                tokens += sum(int(batch.attention_mask.sum()) for batch in samples.batches(together))
                first += groups * size
            return tokens

        return run

    together = (1 << 16) // (32 * length)
    return {
        f"ours, {together} batches of 32 at once": counted(together, 32),  # as the loader makes them
        "ours, a batch of 32": counted(1, 32),
        "ours, a batch of 8": counted(1, 8),
    }


def loops(samples: Samples) -> dict[str, Count]:
    """Both loops on the same documents, which they are given as they like them: pieces of text, ids."""
    store, pieces, length = samples.store, samples.tokenizer.pieces, samples.objective.max_seq_length
    draw, starts = random.Random(0), samples.tokenizer.word_starts.tolist()

    def sentences(first: int, end: int) -> list[list[int]]:
        return [store.tokens[store.sentences[s] : store.sentences[s + 1]].tolist() for s in range(first, end)]

    ids = [sentences(store.documents[d], store.documents[d + 1]) for d in store.documents_of("train")[:8]]
    documents = [[[pieces[i] for i in sentence] for sentence in document] for document in ids]
    chosen = range(0, min(len(samples), 40_000 // length))
    chunks = [sentences(samples.chunks.first[c], samples.chunks.end[c]) for c in chosen]
    return {
        "Google's loop": lambda: sum(
            len(sample[0]) for document in documents for sample in make_samples(document, pieces, length, 3, draw)
        ),
        "lean loop": lambda: sum(len(instance(chunk, starts, len(pieces), length - 3, 3, draw)[0]) for chunk in chunks),
    }


def store_part(text: Text, rounds: int) -> dict[str, Any]:
    """Characters a second."""
    from transformers import AlbertTokenizer

    from albert_lab.data.store.text_encoder import TextEncoder

    sentences = [sentence for line in text.lines for sentence in split_sentences(line)][:20_000]
    characters = sum(map(len, sentences))
    file = text.prepared.tokenizer_file
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "spiece.model").write_bytes(file.read_bytes())
        theirs = AlbertTokenizer.from_pretrained(folder)
    ours = TextEncoder.load(file)
    bare = {"add_special_tokens": False, "return_attention_mask": False, "return_token_type_ids": False}

    def counted(work: Callable[[], Any]) -> Count:
        return lambda: (work(), characters)[1]

    runs = {
        "ours, to arrays of ids": counted(lambda: ours.encode_flat(sentences)),
        "transformers, one call": counted(lambda: theirs(sentences)),
        "transformers, one call, ids alone": counted(lambda: theirs(sentences, **bare)),
        "tokenizers, encode_batch_fast": counted(
            lambda: theirs.backend_tokenizer.encode_batch_fast(sentences, add_special_tokens=False)
        ),
    }
    return race(runs, rounds)


def loader_part(text: Text, rounds: int) -> dict[str, Any]:
    import torch

    torch.set_num_threads(1)
    found: dict[str, Any] = {}
    tiny = composed("scale=tiny").model
    for name, length, batch, model in (("base, 8 x 512", 512, 8, BASE), ("tiny, 32 x 32", 32, 32, tiny)):
        samples = text.samples(length)
        runs = {f"{workers} workers": loader(samples, batch, workers) for workers in (0, 1, 2)}
        found[name] = race({**runs, "one worker's own work": worker(samples, batch)}, rounds)
        eats = race({"model": training(samples, model, batch)}, max(2, rounds // 2))["model"]
        found[name] |= {"the model eats": eats, "times what it eats": found[name]["0 workers"] / eats}
    one = race({"worker": worker(text.samples(512), 32)}, rounds)["worker"]
    cost = main_process_seconds(text.samples(512), 32)
    found["H200, base, 32 x 512 (estimate)"] = {
        "one worker": one,
        f"{H200_WORKERS} workers": H200_WORKERS * one,
        "times what it eats on paper": H200_WORKERS * one / H200_TOKENS,
        "the training process, ms a batch": cost * 1e3,
    }
    return found


def micro_batches(samples: Samples, batch_size: int, workers: int) -> Any:
    from albert_lab.train.batches import TrainingData
    from albert_lab.train.tasks.pretraining import PretrainingSamples

    data = TrainingData(PretrainingSamples(samples), batch_size, 1, workers)
    data.trainer = SimpleNamespace(global_rank=0, world_size=1, global_step=0)  # type: ignore[assignment]
    return iter(data.train_dataloader())


def loader(samples: Samples, batch_size: int, workers: int) -> Count:
    stream = micro_batches(samples, batch_size, workers)
    return lambda: sum(int(next(stream)["attention_mask"].sum()) for _ in range(200))


def worker(samples: Samples, batch_size: int) -> Count:
    """What a worker does for its batches: makes them and writes them into messages."""
    from albert_lab.train.batches import MicroBatches, PackedBatch
    from albert_lab.train.tasks.pretraining import PretrainingSamples

    batches, items = MicroBatches(PretrainingSamples(samples), batch_size, 1, 0, 1), iter(range(1 << 40))

    def run() -> int:
        tokens = 0
        for _ in range(100):
            made = {name: tensor.numpy() for name, tensor in batches[next(items)].items()}
            pickle.dumps(PackedBatch(made))
            tokens += int(made["attention_mask"].sum())
        return tokens

    return run


def main_process_seconds(samples: Samples, batch_size: int, count: int = 300) -> float:
    """The training process's own time for a batch that a worker made."""
    stream = micro_batches(samples, batch_size, 1)
    next(stream)
    start = time.process_time()
    for _ in range(count):
        next(stream)
    return (time.process_time() - start) / count


def training(samples: Samples, shape: ModelConfig, batch_size: int) -> Count:
    """Steps of pre-training as the lab does them on this CPU: forward, backward, AdamW."""
    import torch

    from albert_lab.config.variant import SharingConfig
    from albert_lab.model.configuration import AlbertConfig
    from albert_lab.model.layer_map import make_layer_map
    from albert_lab.model.torch.albert import AlbertForPreTraining
    from albert_lab.model.torch.layers.linear import find_fastest_matrix_library, use_matrix_library
    from albert_lab.train.tasks.scores import score

    use_matrix_library(find_fastest_matrix_library()[0])
    layer_map = make_layer_map(SharingConfig(), shape.num_hidden_layers)
    model = AlbertForPreTraining(AlbertConfig.of(shape, layer_map, remove_padding=True))
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    stream = micro_batches(samples, batch_size, 0)

    def run() -> int:
        tokens, start = 0, time.perf_counter()
        while time.perf_counter() - start < 1:
            batch = next(stream)
            for name in ("input_ids", "masked_labels"):
                batch[name] %= shape.vocab_size  # of a model whose vocabulary is smaller than the store's
            scores = score(model, batch)
            (scores.mlm_loss / batch["step_mask_budget"] + scores.sentence_loss / batch_size).backward()
            optimizer.step()
            optimizer.zero_grad()
            tokens += int(batch["attention_mask"].sum())
        return tokens

    return run


def table(found: dict[str, Any]) -> str:
    lines = [f"{found['text']}, {found['cores']} cores, medians of {found['rounds']} interleaved rounds"]
    for name, rows in found.get("samples", {}).items():
        lines += rated(f"samples of {name}", rows, "tokens/s", ("Google's loop", "lean loop"))
    if "store" in found:
        lines += rated("text to ids", found["store"], "characters/s", ("transformers, one call",))
    for name, rows in found.get("loader", {}).items():
        lines += ["", f"loader, {name}", *(f"  {what:40}{value:>14,.2f}" for what, value in rows.items())]
    return "\n".join(lines)


def rated(title: str, rates: dict[str, float], unit: str, peers: tuple[str, ...]) -> list[str]:
    lines = ["", f"{title:42}{unit:>14}" + "".join(f"{'/ ' + peer:>26}" for peer in peers)]
    for name, rate in rates.items():
        lines.append(f"  {name:40}{rate:14,.0f}" + "".join(f"{rate / rates[peer]:26.1f}" for peer in peers))
    return lines


if __name__ == "__main__":
    main()
