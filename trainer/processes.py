"""The processes of one run: who we are, agreeing on a flag, ending without hanging."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from datetime import timedelta
from types import FrameType
from typing import Any, NoReturn

from trainer.errors import ArgumentsError

STOPPED_EXIT_CODE = 75  # EX_TEMPFAIL: asked to stop, state saved, start again
_PR_SET_PDEATHSIG = 1
_FAILED = "lrdash/failed"
_SAID = "lrdash/said"
_LAST_WORDS_SECONDS = 5
"""For a process to say what it found wrong itself, after another has failed."""


def rank() -> int:
    return int(os.environ.get("RANK", "0"))


def world_size() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_under_torchrun() -> bool:
    return "LOCAL_RANK" in os.environ


def check_one_node() -> None:
    if world_size() != int(os.environ.get("LOCAL_WORLD_SIZE", world_size())):
        raise ArgumentsError("several nodes are not supported: start all processes of a run on one node")


def die_with_parent() -> None:
    """This process does not outlive the one that started it, however that one ends (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class StopRequest:
    """Remembers the signal that asked for a stop; the training loop asks at every step."""

    SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._arrived = threading.Event()
        self._group: object | None = None

    def listen(self) -> None:
        for number in self.SIGNALS:
            signal.signal(number, self._handle)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT and self._arrived.is_set():
            os._exit(128 + number)  # Ctrl-C twice: now
        self.signal = self.signal or signal.Signals(number)
        self._arrived.set()

    def wait(self, seconds: float) -> None:
        """Until a signal arrives, or the time is over."""
        self._arrived.wait(seconds)

    def agreed(self) -> bool:
        """Whether any process was asked. All call this at the same step, and hear the same answer."""
        if world_size() == 1:
            return self.signal is not None
        import torch
        import torch.distributed as dist

        if self._group is None:  # on the CPU, so that asking does not wait for the GPU
            self._group = dist.new_group(backend="gloo")
        flag = torch.tensor([int(self.signal or 0)])
        dist.all_reduce(flag, op=dist.ReduceOp.MAX, group=self._group)
        if self.signal is None and flag.item():
            self.signal = signal.Signals(int(flag.item()))
        return self.signal is not None


def start_image_worker(_number: int) -> None:
    """A process that reads images ends with the one it reads for.

    torchrun and Slurm send a signal to both: without images the run could not finish its step, and save.
    """
    for number in StopRequest.SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    die_with_parent()


def have_met() -> bool:
    """Whether there is a process group; PyTorch is not imported for the answer."""
    distributed = sys.modules.get("torch.distributed")
    return world_size() > 1 and distributed is not None and distributed.is_initialized()


def barrier() -> None:
    if have_met():
        import torch.distributed as dist

        dist.barrier()


def end(code: int) -> NoReturn:
    """Leave at once: with several processes, taking down the process group at exit can hang for ever.

    The Python thread that destroys DDP's reducer holds the interpreter lock while a thread of gloo wants it.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    if code == 0:
        barrier()
    elif code != STOPPED_EXIT_CODE and have_met():
        _tell_failure()
    os._exit(code)


def end_when_another_fails() -> None:
    """What waits on a GPU for a process that is gone would wait until --ddp_timeout."""
    if have_met():
        threading.Thread(target=_wait_for_failure, name="others", daemon=True).start()


def share_last_words(text: str) -> None:
    """What the first process has said of its failure; no other repeats it."""
    if have_met():
        from torch.distributed import DistError

        with suppress(DistError):  # then they do
            _store().set(_SAID, text)


def first_has_said(text: str) -> bool:
    """Whether the first process says the same; waits some seconds for it to say anything."""
    from torch.distributed import DistError

    try:
        return bool(_store().get(_SAID).decode() == text)
    except DistError:
        return False


def _tell_failure() -> None:
    from torch.distributed import DistError

    with suppress(DistError):  # whoever keeps the store may have ended
        _store().set(_FAILED, str(rank()))


def _wait_for_failure() -> None:
    from torch.distributed import DistError

    with suppress(DistError):
        _store().wait([_FAILED], timedelta(days=1000))
        time.sleep(_LAST_WORDS_SECONDS)
        os._exit(1)


def _store() -> Any:
    """The key-value store by which the processes met, through a connection of its own."""
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    patience = timedelta(seconds=_LAST_WORDS_SECONDS)
    return TCPStore(address, port, is_master=False, wait_for_workers=False, timeout=patience)
