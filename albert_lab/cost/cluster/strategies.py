"""What each strategy holds and sends, per process. A strategy has the name that `trainer.strategy` gives it.

ZeRO: Rajbhandari et al., arXiv 1910.02054, sections 3, 5 and 7. Ring collectives send (n-1)/n of a buffer per process
in a reduce-scatter or an all-gather, and twice that in an all-reduce (Patarasuk and Yuan, 2009).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from albert_lab.config.schema import TrainerConfig
from albert_lab.cost.counts.weights import Weight
from albert_lab.cost.memory.operations import FLOAT, LOW
from albert_lab.cost.memory.step import StepMemory

MOMENTS = 8  # bytes of Adam's and LAMB's two moments, float32
MASTER = 4  # DeepSpeed copies its shard of the weights, even of float32 ones (stage_1_and_2.py, `weights_partition`)
BUCKETS = 2 * 80_000_000  # two reduce buckets of `train.distributed`, one filled while the other is sent
STAGES = {"optimizer": 1, "gradients": 2, "weights": 3}  # the ZeRO stage that shards each kind
TITLES = {"single": "one process", "zero2_offload": "zero2 + offload"}  # where a name alone says too little


@dataclass(frozen=True)
class StrategyCost:
    """Bytes of one process, and what it sends in an optimizer step."""

    name: str
    weights: int
    gradients: int
    optimizer: int
    buffers: int  # what the strategy itself allocates: buckets, gathered weights
    host: int  # in the memory of the machine instead of the device's
    update_share: float  # of the optimizer's temporaries that this process has
    wire: int  # sent to other processes per optimizer step
    host_link: int = 0  # moved between device and host per optimizer step

    @property
    def title(self) -> str:
        return TITLES.get(self.name, self.name)

    def held(self, memory: StepMemory) -> int:
        """The peak of a step, without the framework's floor."""
        state = self.weights + self.gradients + self.optimizer + self.buffers
        return state + max(memory.passes, int(memory.update * self.update_share))


class Traffic:
    """The sums over the weights that the costs of a strategy are made of.

    Args:
        micro_batches: passes of a process per optimizer step.
        low: bfloat16 autocast; DeepSpeed then sends the gradients of linear maps in bfloat16.
    """

    def __init__(self, weights: Iterable[Weight], ranks: int, micro_batches: int = 1, low: bool = False) -> None:
        weights = list(weights)
        self.ranks, self.micro_batches = ranks, micro_batches
        self.parameters = sum(weight.unique * weight.elements for weight in weights)
        blocks = [weight for weight in weights if weight.part in ("attention", "ffn")]
        self.blocks_applied = sum(weight.applied * weight.elements for weight in blocks)
        self.blocks = sum(weight.unique * weight.elements for weight in blocks)
        self.largest_block = max(
            sum(weight.elements for weight in blocks if weight.part == part) for part in ("attention", "ffn")
        )
        linear = sum(weight.unique * weight.elements for weight in weights if weight.is_linear)
        self.deepspeed_gradients = FLOAT * self.parameters - (FLOAT - LOW) * linear * low

    def ring(self, size: int) -> int:
        """What each process sends to all-gather or reduce-scatter a buffer of `size` bytes."""
        return size * (self.ranks - 1) // self.ranks


def estimate_strategy(name: str, traffic: Traffic) -> StrategyCost:
    return STRATEGIES[name](name, traffic)


def select_strategies(trainer: TrainerConfig) -> list[str]:
    """The strategies for so many processes; for one, that and offloading, and what `trainer` asks for."""
    names = ["single", "zero2_offload"] if trainer.devices == 1 else [name for name in STRATEGIES if name != "single"]
    chosen = choose_strategy(trainer)
    return [*names, chosen] if chosen in STRATEGIES and chosen not in names else names


def choose_strategy(trainer: TrainerConfig) -> str:
    """The name of the strategy that `trainer` asks for; DDP where several processes have none."""
    return "ddp" if trainer.strategy == "single" and trainer.devices > 1 else trainer.strategy


def zero_state(
    parameters: int,
    ranks: int,
    stage: int,
    weight_bytes: int = 2,
    gradient_bytes: int = 2,
    optimizer_bytes: int = 12,
) -> dict[str, int]:
    """Bytes of `weights`, `gradients` and `optimizer` per process (arXiv 1910.02054, figure 1).

    The defaults are the paper's: half precision with float32 master weights and Adam's two moments, K = 12.
    """
    sizes = {"weights": weight_bytes, "gradients": gradient_bytes, "optimizer": optimizer_bytes}
    shard = -(-parameters // ranks)
    return {kind: size * (shard if stage >= STAGES[kind] else parameters) for kind, size in sizes.items()}


def _single(name: str, traffic: Traffic) -> StrategyCost:
    size = FLOAT * traffic.parameters
    return StrategyCost(name, size, size, MOMENTS * traffic.parameters, buffers=0, host=0, update_share=1.0, wire=0)


def _ddp(name: str, traffic: Traffic) -> StrategyCost:
    """The buckets are a second copy of the gradients (PyTorch, `gradient_as_bucket_view`), reduced once per step."""
    size = FLOAT * traffic.parameters
    moments, wire = MOMENTS * traffic.parameters, 2 * traffic.ring(size)
    return StrategyCost(name, size, size, moments, buffers=size, host=0, update_share=1.0, wire=wire)


def _fsdp(name: str, traffic: Traffic) -> StrategyCost:
    """FSDP2 with a unit per block and one for the rest, whose weights stay gathered through both passes.

    A block is gathered at every application, forward and backward, however many layers share it; its gradient is
    scattered once (counted on PyTorch's own collectives in the tests).
    """
    state = zero_state(traffic.parameters, traffic.ranks, 3, FLOAT, FLOAT, MOMENTS)
    rest = traffic.parameters - traffic.blocks
    gathered = rest + 2 * traffic.blocks_applied
    wire = traffic.micro_batches * traffic.ring(FLOAT * (gathered + traffic.parameters))
    buffers = FLOAT * (2 * rest + 3 * traffic.largest_block)  # weights and gradients; a block ahead
    return StrategyCost(name, **state, buffers=buffers, host=0, update_share=1 / traffic.ranks, wire=wire)


def _zero(name: str, traffic: Traffic, stage: int) -> StrategyCost:
    """DeepSpeed. Stage 3 may hold 1e9 gathered parameters (`stage3_max_live_parameters`), which is any model here."""
    state = zero_state(traffic.parameters, traffic.ranks, stage, FLOAT, FLOAT, MOMENTS + MASTER)
    weights = FLOAT * traffic.parameters
    reductions = traffic.micro_batches if stage > 1 else 1
    gathered = 2 * traffic.micro_batches if stage == 3 else 1  # forward and backward; or the updated weights
    wire = reductions * traffic.ring(traffic.deepspeed_gradients) + gathered * traffic.ring(weights)
    buffers = BUCKETS + (min(weights, 4_000_000_000) if stage == 3 else 0)
    return StrategyCost(name, **state, buffers=buffers, host=0, update_share=1 / traffic.ranks, wire=wire)


def _zero2_offload(name: str, traffic: Traffic) -> StrategyCost:
    """ZeRO-2 with gradients, master weights and moments in the machine's memory (ZeRO-Offload, arXiv 2101.06840)."""
    weights, shard = FLOAT * traffic.parameters, -(-traffic.parameters // traffic.ranks)
    wire = traffic.micro_batches * traffic.ring(traffic.deepspeed_gradients) + traffic.ring(weights)
    host = (FLOAT + FLOAT + MOMENTS + MASTER) * shard  # gradients, the pinned copy of the weights, optimizer
    link = FLOAT * shard * (traffic.micro_batches + 1)
    return StrategyCost(name, weights, 0, 0, BUCKETS, host, update_share=0.0, wire=wire, host_link=link)


STRATEGIES: dict[str, Callable[[str, Traffic], StrategyCost]] = {
    "single": _single,
    "ddp": _ddp,
    "fsdp": _fsdp,
    "zero1": partial(_zero, stage=1),
    "zero2": partial(_zero, stage=2),
    "zero3": partial(_zero, stage=3),
    "zero2_offload": _zero2_offload,
}
