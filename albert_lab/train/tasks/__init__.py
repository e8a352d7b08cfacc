"""What a run trains: a file per task, which gives model, batches, loss and metrics and knows nothing of resuming."""

from importlib import import_module

from albert_lab.config.schema import RunConfig
from albert_lab.train.tasks.task import Task

TASKS: dict[str, type[Task]] = {}  # those of other packages, by name: `TASKS["mine"] = MyTask`


def make_task(config: RunConfig) -> Task:
    """The task that `config` names, its data prepared: one of `TASKS`, or that of this folder's file of the name."""
    name = config.task_name
    task = TASKS[name] if name in TASKS else import_module(f"{__name__}.{name}").TASK
    return task(config)
