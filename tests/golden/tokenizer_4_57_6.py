"""`/path/to/env/bin/python tests/golden/tokenizer_4_57_6.py`: what transformers 4.57.6's slow AlbertTokenizer gives.

In an environment of its own: `pip install transformers==4.57.6 sentencepiece==0.2.3 protobuf`. It writes beside itself
`tokenizer_own.json` (from `own.model`, a small vocabulary trained here on made-up text where it is missing) and, where
the shared data lies beside the repository, `tokenizer_wikitext2.json`: a digest per line, none of its text.
"""

import hashlib
import json
import random
import zlib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DATA = HERE.parents[2] / "shared" / "data"
SYMBOLS = ["(", ")", '"', "-", ".", "–", "£", "€"]

NASTY = [
    "", " ", "\t\n  \r\n", "a", "Hello world", "  leading and trailing  ", "two  spaces\tand\ttabs\nand\nlines\r\n",
    "1,000", "1,234,567", "in 2000, x", "9,9", "12,", ",12", "1,,2", "1, 2,3 ,4", "no digits, here", "½,⅓, ²,",
    "１２,３４５", "٣,٤", "3.14,2.71", "$1,000.00", "``quoted'' and 'single' and ```three'''", "'' ``", "` ` ' '",
    "“curly” ‘quotes’", "café Café CAFÉ", "cafe\u0301", "ÀÉÎÕÜ àéîõü", "naïve façade", "Ångström", "ﬁ ﬂ ﬀ", "ﬃ",
    "①②③", "㈱", "ℌ𝔢𝔩𝔩𝔬", "İstanbul I\u0307 ı", "ΑΣ ΟΔΥΣΣΕΥΣ", "α𝚺", "Σ", "straße STRASSE ẞ", "ǅ", "ŉ", "日本語",
    "日本 日本語 中文字符", "한국어", "\u1112\u1161\u11ab", "カタカナ ｶﾀｶﾅ", "がぎぐ か\u3099", "ไทย ภาษาไทย", "हिन्दी",
    "বাংলা", "العربية", "שלום עולם", "\u202eright to left\u202c", "\u2067rtl\u2069", "abc שלום 123, def", "👍",
    "👨\u200d👩\u200d👧\u200d👦", "👍🏽 🇫🇷", "☺️", "a👍b", "🏴\U000e0067\U000e0062\U000e007f", "a\u200bb",
    "a\u200cb\u200dc", "\ufeffbom", "a\u00a0b", "a\u2003b", "a\u3000b", "a\u2028b\u2029c", "soft\u00adhyphen",
    "a\x00b", "\x00", "a\x01b\x02c", "\x1b[31mred\x1b[0m", "a\x85b", "a\x0bb\x0cc", "a\x1cb\x1fc",
    "\x7f", "\ufffd", "\U0010ffff", "▁", "▁a", "a▁b", "▁▁ ▁",
    "a ▁ b", "a\u0301\u0302\u0303", "\u0301", " \u0301a", "Z\u0351\u036b\u0343algo", "[MASK]",
    "a [MASK] b", "a[MASK]b", "[MASK] [MASK]", "  [MASK]  .", "[mask]", "[CLS] a [SEP] b [SEP]", "[cls]", "<pad>",
    "<PAD>", "<unk>", "x<unk>y", "< unk >", "[MASK", "[[MASK]]", "[SEP][SEP]", "\n[MASK]\n", "＜pad＞", "[ＭＡＳＫ]",
    "(ok) \"hi\" - £5 – €6.", "( a )", "a-b-c", "£", "££", "a(b)c", "...", "----", "!!!!!!!", "!-!!--!!!", "((((",
    "=====", "aaaaaaaaaa", "abbababbab", "hahahahaha", "a" * 300, "http://example.com/a?b=c&d=e", "me@example.com",
    "C++ & C#", "don't can't I'm you're it's", "x ,y .z !", "the the the", "\\ / | ~ ^ _ { } [ ]", "100%",
    "#tag @user",
]  # fmt: skip

PLAIN = [
    "The quick brown fox",
    "jumps over the lazy dog.",
    "It was 1,000 years ago",
    "",
    "no",
    "a much longer one " * 4,
]
PAIRS = list(
    zip(PLAIN, ["Who?", "What was it that jumped over the lazy dog", "", "x", "yes, why not", "short"], strict=True)
)
CALLS: list[dict[str, Any]] = [
    {"text": PLAIN},
    {"text": PLAIN[0]},
    {"text": PLAIN[0], "text_pair": PLAIN[1]},
    {"text": PLAIN, "padding": True},
    {"text": PLAIN, "padding": "max_length", "max_length": 12, "truncation": True},
    {"text": PLAIN, "padding": True, "pad_to_multiple_of": 8, "return_special_tokens_mask": True},
    {"text": PLAIN, "padding": True, "padding_side": "left", "return_special_tokens_mask": True},
    {"text": PLAIN, "truncation": True, "max_length": 7, "return_length": True},
    {"text": PLAIN[5], "padding": "max_length", "max_length": 80, "return_length": True},
    {"text": PLAIN, "add_special_tokens": False},
    {"text": PLAIN, "return_token_type_ids": False, "return_attention_mask": False},
    {"text": PLAIN, "max_length": 6},
    {"text": PLAIN, "max_length": 6, "truncation": False},
    {"text": PLAIN[5], "truncation": True, "max_length": 9, "stride": 2, "return_overflowing_tokens": True},
    {"text": PLAIN, "truncation": "only_first", "max_length": 9, "stride": 3, "return_overflowing_tokens": True},
    {"text": ["The", "quick", "1,000", "brown-fox", "[MASK]", ""], "is_split_into_words": True},
    {"text": [["The", "quick"], ["brown", "fox", "é"]], "is_split_into_words": True, "padding": True},
    {"text": [["The", "quick"], ["fox"]], "text_pair": [["jumps"], ["over", "it"]], "is_split_into_words": True},
    {"text": "a [MASK] b [SEP]", "split_special_tokens": True},
    {"text": PAIRS, "padding": True, "return_special_tokens_mask": True},
    *(
        {"text": [a for a, _ in PAIRS], "text_pair": [b for _, b in PAIRS], "truncation": how, "max_length": length}
        for how in ("longest_first", "only_first", "only_second")
        for length in (5, 8, 9, 13, 20)
    ),
    {"text": PLAIN[5], "text_pair": PLAIN[1], "truncation": "only_second", "max_length": 34,
     "return_overflowing_tokens": True},
    {"text": PLAIN[0], "text_target": PLAIN[1]},
]  # fmt: skip
SETTINGS: list[dict[str, Any]] = [
    {"do_lower_case": False},
    {"keep_accents": True},
    {"do_lower_case": False, "keep_accents": True},
    {"remove_space": False},
    {"truncation_side": "left", "padding_side": "left"},
]
ADDED = ["brand new", "NEW", "日", "abbab", "ab"]


def main() -> None:
    from transformers import AlbertTokenizer, AlbertTokenizerFast

    model = HERE / "own.model"
    if not model.exists():
        _train(model)
    tokenizer = AlbertTokenizer(str(model))
    golden = {
        "made_by": "transformers 4.57.6, AlbertTokenizer",
        "texts": [_text(tokenizer, text) for text in NASTY],
        "calls": [{"arguments": call, "gives": tokenizer(**call).data} for call in CALLS],
        "settings": [_settings(AlbertTokenizer(str(model), **one), one) for one in SETTINGS],
        "added": _added(AlbertTokenizer(str(model))),
        "long_line": {"characters": len(long_line()), "digest": _digest(tokenizer(long_line())["input_ids"])},
        "methods": _methods(tokenizer),
        "saved": {"slow": _saved(AlbertTokenizer, model), "fast": _saved(AlbertTokenizerFast, model)},
    }
    _write("tokenizer_own.json", golden)
    if DATA.exists():
        spiece = AlbertTokenizer(str(DATA / "spm" / "spiece.model"))
        lines = (DATA / "wikitext-2" / "test.txt").read_text(encoding="utf-8").split("\n")
        digests = "".join(_digest(spiece(line).data)[:8] for line in lines)
        nasty = "".join(_digest(spiece(text).data)[:8] for text in NASTY)
        long = _digest(spiece(long_line())["input_ids"])
        _write("tokenizer_wikitext2.json", {"lines": len(lines), "digests": digests, "nasty": nasty, "long_line": long})


def long_line() -> str:
    """A megabyte without a line break: words, numbers with commas, and long runs of one character."""
    draw = random.Random(1)
    words = ["the", "of", "and", "quick", "brown", "fox", "1,000", "23,456,", "(x)", "naïve", "日本", "!!!!!", "----"]
    words += ["hahaha", "a" * 50]
    return " ".join(draw.choices(words, k=150_000))[: 1 << 20]


def _train(file: Path) -> None:
    import io

    import sentencepiece

    draw = random.Random(0)
    syllables = ["ba", "do", "ki", "lu", "men", "nor", "ab", "ha", "sol", "ta", "ver", "the", "qu", "ck", "fox"]
    words = ["".join(draw.choices(syllables, k=draw.randint(1, 4))) for _ in range(500)]
    words += [
        "the",
        "quick",
        "brown",
        "fox",
        "jumps",
        "over",
        "lazy",
        "dog",
        "cafe",
        "!!!",
        "...",
        "日本",
        "日本語",
        "שלום",
    ]
    extra = [f"{draw.randint(1, 999)},{draw.randint(0, 999):03}" for _ in range(400)] + [f"{n}," for n in range(200)]
    alphabet = list("abcdefghijklmnopqrstuvwxyz0123456789,.;:!?'\"()[]<>-–£€&/@#%éß中文字한국어العربية")
    text = [" ".join(draw.choices(words + extra * 2 + alphabet, k=draw.randint(3, 15))) for _ in range(4000)]
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(text), model_writer=model, model_type="unigram", vocab_size=900, character_coverage=1.0,
        pad_id=0, unk_id=1, bos_id=-1, eos_id=-1, control_symbols=["[CLS]", "[SEP]", "[MASK]"],
        user_defined_symbols=SYMBOLS, minloglevel=2, num_threads=1, shuffle_input_sentence=False,
    )  # fmt: skip
    file.write_bytes(model.getvalue())


def _text(tokenizer: Any, text: str) -> dict[str, Any]:
    ids = tokenizer(text)["input_ids"]
    return {
        "text": text,
        "ids": ids,
        "tokens": tokenizer.tokenize(text),
        "decoded": tokenizer.decode(ids),
        "decoded_without_special": tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=True),
    }


def _settings(tokenizer: Any, settings: dict[str, Any]) -> dict[str, Any]:
    cut = tokenizer(PLAIN, max_length=8, truncation=True, padding=True, return_special_tokens_mask=True).data
    overflow = tokenizer(PLAIN[5], max_length=9, truncation=True, stride=2, return_overflowing_tokens=True).data
    return {
        "settings": settings,
        "ids": [tokenizer(text)["input_ids"] for text in NASTY],
        "cut": cut,
        "overflow": overflow,
    }


def _added(tokenizer: Any) -> dict[str, Any]:
    from transformers import AddedToken

    texts = [
        "a brand new day",
        "BRAND NEW",
        "new New NEW renew",
        "日本 日",
        "abbab ab abb",
        "x <a> y <b> z",
        "a<c>b <c> ,<c>",
        "[X]",
    ]
    counts = [tokenizer.add_tokens(ADDED)]
    counts.append(tokenizer.add_special_tokens({"additional_special_tokens": ["<a>", AddedToken("<b>", rstrip=True)]}))
    counts.append(tokenizer.add_tokens([AddedToken("<c>", single_word=True, normalized=False)]))
    counts.append(tokenizer.add_special_tokens({"cls_token": "[X]"}))
    ids = [tokenizer(text)["input_ids"] for text in texts]
    return {
        "counts": counts,
        "size": len(tokenizer),
        "texts": texts,
        "ids": ids,
        "decoded": [tokenizer.decode(row) for row in ids],
        "skipped": [tokenizer.decode(row, skip_special_tokens=True) for row in ids],
        "special": tokenizer.all_special_tokens,
        "special_ids": tokenizer.all_special_ids,
        "added": tokenizer.get_added_vocab(),
    }


def _methods(tokenizer: Any) -> dict[str, Any]:
    a, b = [20, 21, 22, 23, 24], [30, 31, 32]
    removed = [
        [how, remove, stride, tokenizer.truncate_sequences(list(a), list(b), remove, how, stride)]
        for how in ("longest_first", "only_first", "only_second")
        for remove in (0, 1, 2, 3, 4)
        for stride in (0, 2)
    ]
    types, mask = tokenizer.create_token_type_ids_from_sequences, tokenizer.get_special_tokens_mask
    strings = [["▁the", "▁quick", "[SEP]"], ["[CLS]", "[SEP]", "▁a", "b", "[MASK]", "▁c"], [], ["(", "▁a", ")"]]
    return {
        "built": [tokenizer.build_inputs_with_special_tokens(a), tokenizer.build_inputs_with_special_tokens(a, b)],
        "types": [types(a), types(a, b)],
        "masks": [mask(a), mask(a, b), mask([2, 20, 4, 3, 5, 1, 0], already_has_special_tokens=True)],
        "around": [tokenizer.num_special_tokens_to_add(), tokenizer.num_special_tokens_to_add(pair=True)],
        "removed": removed,
        "padded": tokenizer.pad([{"input_ids": a}], max_length=7, padding="max_length").data,
        "special": [tokenizer.all_special_tokens, tokenizer.all_special_ids],
        "map": tokenizer.special_tokens_map,
        "sizes": [tokenizer.vocab_size, len(tokenizer)],
        "vocabulary": _digest(sorted(tokenizer.get_vocab().items())),
        "ids_of": [[t, tokenizer.convert_tokens_to_ids(t)] for t in ("▁the", ",", "[MASK]", "nothing", "(")],
        "strings": [[tokens, tokenizer.convert_tokens_to_string(tokens)] for tokens in strings],
    }


def _saved(kind: Any, model: Path) -> dict[str, Any]:
    """The small files of a folder that it saves (the others are copies of the vocabulary), and its ids."""
    from tempfile import TemporaryDirectory

    tokenizer = kind(str(model), model_max_length=77)
    tokenizer.add_tokens(["brand new"])
    tokenizer.add_special_tokens({"additional_special_tokens": ["<x>"]})
    with TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        names = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
        files = {name: json.loads((Path(folder) / name).read_text(encoding="utf-8")) for name in names}
    text = "Hello a brand new day [MASK] <x> (ok) 1,000 fish, a-b. ``c''"
    return {"files": files, "ids": tokenizer(text)["input_ids"]}


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _write(name: str, value: Any) -> None:
    text = json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    (HERE / name).write_text(text + "\n", encoding="ascii")
    print(f"{name}: {len(text):,} bytes, crc {zlib.crc32(text.encode()):08x}")


if __name__ == "__main__":
    main()
