"""What a run trains: model, batches, loss and metrics; a task knows nothing of resuming."""

from importlib import import_module

from albert_lab.config.schema import RunConfig
from albert_lab.train.tasks.task import Task

TASKS: dict[str, type[Task]] = {}  # those of other packages, by name: `TASKS["mine"] = MyTask`


def make_task(config: RunConfig) -> Task:
    """The task that `config` names, its data prepared: one of `TASKS`, or what this folder has for the verb."""
    task = TASKS.get(config.task_name) or import_module(f"{__name__}.{config.trained_by}").TASK
    return task(config)
