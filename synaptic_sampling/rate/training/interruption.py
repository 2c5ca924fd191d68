"""Delays Ctrl+C until the end of a step."""

from __future__ import annotations

import signal
import threading
from types import FrameType

__all__ = ["Interrupt"]


class Interrupt:
    """Holds Ctrl+C back until ``check`` is called, so that a step is performed completely or not at all.

    Where Ctrl+C is ignored (nohup, a job in the background), a SIGTERM that has a handler is held back instead.
    """

    def __enter__(self) -> Interrupt:
        self._came = False
        ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        self._number = signal.SIGTERM if ignored else signal.SIGINT
        self._before = signal.getsignal(self._number)
        # Python delivers signals to the main thread only. Without a handler, SIGTERM ends the process.
        self._here = threading.current_thread() is threading.main_thread() and (callable(self._before) or not ignored)
        if self._here:
            signal.signal(self._number, self._keep)
        return self

    def __exit__(self, *_: object) -> None:
        if self._here:
            signal.signal(self._number, self._before)

    def check(self) -> None:
        """Raise the KeyboardInterrupt that was held back."""
        if self._came:
            if self._number == signal.SIGTERM and callable(self._before):
                self._before(self._number, None)
            raise KeyboardInterrupt

    def _keep(self, _number: int, _frame: FrameType | None) -> None:
        self._came = True
