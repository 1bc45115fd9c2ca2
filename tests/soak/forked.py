"""Workers that are forked before a store is opened, in place of started ones: 0.6 s less each."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from typing import IO, Any

from recurse.engines import worker

READY = 3
"""As many as a run of one job may need: the first, and one for each that dies."""


class Forked:
    """The part of `subprocess.Popen` that a crew uses, of a child that is there already."""

    def __init__(self) -> None:
        told, tell = os.pipe()
        hear, say = os.pipe()
        self.returncode: int | None = None
        self.pid = os.fork()
        if not self.pid:
            _serve(told, say, (tell, hear))
        os.close(told)
        os.close(say)
        self.stdin = os.fdopen(tell, "wb")
        self.said = os.fdopen(hear, "rb", buffering=0)

    def poll(self) -> int | None:
        """The exit code, if it has ended."""
        return self._waited(os.WNOHANG)

    def wait(self) -> int:
        """The exit code, once it has ended."""
        code = self._waited(0)
        assert code is not None
        return code

    def kill(self) -> None:
        """SIGKILL."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def _waited(self, how: int) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, how)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode


def launcher() -> Callable[..., Any]:
    """A stand-in for `recurse.engines.crew.launch` that hands out workers forked now."""
    ready = [Forked() for _ in range(READY)]

    def launch(
        module: str, arguments: Sequence[str], complaints: IO[bytes], **environ: str
    ) -> tuple[Forked, IO[bytes]]:
        del module, arguments, complaints, environ
        process = ready.pop()
        return process, process.said

    return launch


def _serve(told: int, say: int, others: Sequence[int]) -> None:
    try:
        os.setpgid(0, 0)
        for descriptor in others:
            os.close(descriptor)
        os.dup2(told, 0)
        worker.sys.stdin = os.fdopen(0, "r")
        worker.main(say)
    finally:
        os._exit(0)
