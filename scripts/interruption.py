"""How scripts end when they are interrupted."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["interruptible"]


@contextmanager
def interruptible() -> Iterator[None]:
    """End an interrupted script with one line and exit status 130 (Ctrl+C) or 143 (SIGTERM).

    The first SIGTERM acts like Ctrl+C; a second one ends the process immediately. A signal that the process was started
    to ignore (by nohup, or in the background) stays ignored. The message of the KeyboardInterrupt says how to continue.
    """
    came: list[int] = []

    def stop(received: int, frame: FrameType | None) -> None:
        came.append(received)
        signal.signal(signal.SIGTERM, before)
        interrupt = signal.getsignal(signal.SIGINT)
        if callable(interrupt):  # A handler that finishes the current step after Ctrl+C does so now, too.
            interrupt(signal.SIGINT, frame)
        else:
            raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGTERM)
    # Only the main thread can handle signals.
    is_main = threading.current_thread() is threading.main_thread()
    handled = before is not signal.SIG_IGN and is_main
    # The handler that Brian2 installs when it is imported replaces one that ignores Ctrl+C.
    if is_main and getattr(signal.getsignal(signal.SIGINT), "previous_handler", None) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    if handled:
        signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt as error:
        how, go_on = "SIGTERM" if came else "Ctrl+C", str(error) or "Nothing was written; start it again."
        print(f"\nStopped by {how}. {go_on}", file=sys.stderr, flush=True)
        raise SystemExit(143 if came else 130) from None
    finally:
        if handled:
            signal.signal(signal.SIGTERM, before)
