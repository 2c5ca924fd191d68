"""Delays Ctrl+C until the end of a step."""

from __future__ import annotations

import signal
import threading
from types import FrameType

__all__ = ["Interrupt"]


class Interrupt:
    """Holds Ctrl+C back until ``check`` is called, so that a step is performed completely or not at all."""

    def __enter__(self) -> Interrupt:
        self._came = False
        # Python delivers signals to the main thread only.
        self._here = threading.current_thread() is threading.main_thread()
        # Ignored SIGINT (nohup, a job in the background) stays ignored.
        self._here = self._here and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
        if self._here:
            self._before = signal.signal(signal.SIGINT, self._keep)
        return self

    def __exit__(self, *_: object) -> None:
        if self._here:
            signal.signal(signal.SIGINT, self._before)

    def check(self) -> None:
        """Raise the KeyboardInterrupt that was held back."""
        if self._came:
            raise KeyboardInterrupt

    def _keep(self, _number: int, _frame: FrameType | None) -> None:
        self._came = True
