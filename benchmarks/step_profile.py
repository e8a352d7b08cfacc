"""Where the time of a step goes: `python -m benchmarks.step_profile [--case full-128] [--bf16]`.

The cases of `training_speed`, ours and transformers' (SDPA), under PyTorch's profiler: an operator's own time counts,
in shares of all of them. Products say how fast they run beside the peak measured in the same process.
"""

import argparse
import json
import math
from collections import Counter
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from albert_lab.model.torch.layers.linear import find_fastest_matrix_library, use_matrix_library
from benchmarks.training_speed import CASES, Case, make_case, measured_peak

# The first kind whose words an operator's name contains; what none contains is "other".
KINDS = {
    "attention": ("attention", "bmm", "baddbmm"),
    "products": ("linear", "aten::mm", "addmm"),
    "optimizer": ("adam", "sqrt", "addcdiv", "lerp"),
    "GELU and tanh": ("gelu", "tanh", "pow"),
    "LayerNorm": ("layer_norm",),
    "softmax and loss": ("softmax", "max", "nll", "scatter", "gather", "exp", "cross_entropy"),
    "sums, copies, casts": ("copy", "sum", "add", "cat", "mul", "div", "fill", "index", "embedding"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--case", nargs="+", choices=CASES, default=["full-128"])
    parser.add_argument("--bf16", action="store_true", help="autocast to bfloat16 on both sides")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    use_matrix_library(find_fastest_matrix_library()[0])
    peak = measured_peak(torch.bfloat16 if asked.bf16 else torch.float32)
    found = {name: _profiles(make_case(name), asked.bf16, peak) for name in asked.case}
    print(json.dumps(found, indent=2) if asked.json else "\n\n".join(_table(*each) for each in found.items()))


def _profiles(case: Case, bf16: bool, peak: float) -> dict[str, dict[str, Any]]:
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        return {name: _profile(case, name, peak) for name in ("transformers sdpa", "ours")}


def _profile(case: Case, name: str, peak: float) -> dict[str, Any]:
    for _ in range(2):
        case.steps[name]()
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as seen:
        case.steps[name]()
    seconds: Counter[str] = Counter()
    flops = 0
    for operator in seen.key_averages(group_by_input_shape=True):
        kind = next((kind for kind, words in KINDS.items() if any(w in operator.key for w in words)), "other")
        seconds[kind] += operator.self_cpu_time_total / 1e6
        flops += _flops(operator) if kind == "products" else 0
    return {
        "seconds": sum(seconds.values()),
        "shares": {kind: seconds[kind] / sum(seconds.values()) for kind in (*KINDS, "other")},
        "products_share_of_peak": flops / seconds["products"] / peak,
    }


def _flops(operator: Any) -> int:
    """Of all calls of a product operator, from the shapes of its operands; 0 of what only hands on to another."""
    shapes = [shape for shape in operator.input_shapes if len(shape) >= 2]
    if not operator.self_cpu_time_total or len(shapes) < 2:
        return 0
    if "linear_pointwise" in operator.key:  # x [...,in] and weight [out,in]
        return 2 * math.prod(shapes[0]) * int(shapes[1][0]) * int(operator.count)
    if operator.key in ("aten::mm", "aten::addmm"):  # [rows,in] and [in,out]
        return 2 * math.prod(shapes[0]) * int(shapes[1][1]) * int(operator.count)
    return 0


def _table(case: str, found: dict[str, dict[str, Any]]) -> str:
    lines = [f"{case:<24}" + "".join(f"{name:>20}" for name in found)]
    lines.append(f"{'seconds, profiled':<24}" + "".join(f"{each['seconds']:>20.2f}" for each in found.values()))
    for kind in (*KINDS, "other"):
        lines.append(f"{kind:<24}" + "".join(f"{each['shares'][kind]:>20.1%}" for each in found.values()))
    shares = "".join(f"{each['products_share_of_peak']:>20.0%}" for each in found.values())
    return "\n".join([*lines, f"{'products, of the peak':<24}{shares}"])


if __name__ == "__main__":
    main()
