"""The training process of a run: `python -m albert_lab.train RUN_FOLDER`, started by `albert_lab.runs.launch`.

With several processes it starts them through torchrun, which runs this same module once per rank.
"""

import logging
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from albert_lab.config.compose import load
from albert_lab.config.schema import RunConfig
from albert_lab.errors import UserError, first_line
from albert_lab.processes import end_with_parent
from albert_lab.runs.folder import RunFolder
from albert_lab.runs.launch import FAILURE, STOPPED, USER_MISTAKE
from albert_lab.runs.log_lines import terminal_handler
from albert_lab.storage.disk import explain_full_disk


def main() -> int:
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until there is a state to save, Ctrl-C ends it without a traceback
    folder = RunFolder(Path(sys.argv[1]))
    config = load(folder.config)
    if config.trainer.devices > 1 and "LOCAL_RANK" not in os.environ:
        return _start_ranks(folder, config)
    _start_log(folder)
    return _train(folder, config)


def _start_ranks(folder: RunFolder, config: RunConfig) -> int:
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import main as torchrun

    from albert_lab.train import loopback

    loopback.register()
    command = [f"--rdzv-backend={loopback.BACKEND}", f"--nproc-per-node={config.trainer.devices}"]
    command += ["-m", "albert_lab.train", str(folder.path)]
    logging.getLogger("torch.distributed").setLevel(logging.ERROR)
    try:
        torchrun(command)
    except ChildFailedError as error:
        code = error.get_first_failure()[1].exitcode
        return code if code >= 0 else 128 - code  # as a shell reports a signal
    except SignalException:  # torchrun has passed it on and waited for the ranks to save
        return STOPPED
    return 0


def _start_log(folder: RunFolder) -> None:
    """Rank 0 logs to the terminal and to the run's `log.txt`; other ranks log errors only."""
    logging.raiseExceptions = False  # a full disk under log.txt is reported once, by the training
    first = os.environ.get("RANK", "0") == "0"
    handlers: list[logging.Handler] = [terminal_handler()]
    if first:
        handlers.append(logging.FileHandler(folder.log, encoding="utf-8"))
    level = logging.INFO if first else logging.ERROR
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S", level=level, handlers=handlers)


def _train(folder: RunFolder, config: RunConfig) -> int:
    from albert_lab.train.light_imports import import_lightning

    import_lightning(compiler=config.trainer.compile or config.trainer.devices > 1)  # DDP and DeepSpeed use it
    from albert_lab.train.callbacks.meter import TrainingDivergedError
    from albert_lab.train.engine import Stopped, run

    try:
        with explain_full_disk(folder.path, "paths.runs"):
            run(folder, config)
    except Stopped:
        return STOPPED
    except UserError as error:
        return _fail(str(error), USER_MISTAKE)
    except TrainingDivergedError as error:
        return _fail(str(error), 1)
    except Exception as error:
        logging.getLogger(__name__).exception("the training failed")
        return _fail(first_line(f"{type(error).__name__}: {error}"), 1)
    return 0


def _fail(reason: str, code: int) -> int:
    """Writes the reason where the launcher reads it."""
    if os.environ.get("RANK", "0") == "0":
        Path(os.environ.get(FAILURE, os.devnull)).write_text(reason, encoding="utf-8")
    return code


def _exit_at_once(code: int) -> NoReturn:
    """Ends a rank without Python's clean-up, in which threads of the process group may abort."""
    logging.shutdown()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    exit_code = main()
    if "LOCAL_RANK" in os.environ:
        _exit_at_once(exit_code)
    sys.exit(exit_code)
