"""What joblib leaves undone when workers of a cluster are killed, or a sweep on a cluster is interrupted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from typing import Any

__all__ = ["is_death", "supervised"]

#: How joblib's keys of Dask start for the runs of a sweep.
KEY = "batch_of_perform_"


def is_death(error: BaseException) -> bool:
    """Return whether an error is that of joblib or of Dask for a process that was killed."""
    return isinstance(error, BrokenExecutor) or type(error).__name__ == "KilledWorker"


@contextmanager
def supervised() -> Iterator[None]:
    """Mend joblib's Dask backend during a sweep; others are left alone.

    joblib 1.6 never returns from a run that Dask has given up since its workers died. It performs all runs in this
    process if the cluster has only one worker at first. When it is interrupted, it leaves runs with the cluster.
    """
    from joblib.parallel import get_active_backend  # noqa: PLC0415 (optional)

    backend, _ = get_active_backend()
    if type(backend).__name__ != "DaskDistributedBackend":
        yield
        return
    submit, effective_n_jobs = backend.submit, backend.effective_n_jobs

    def reporting(func: Any, callback: Callable[[Any], object]) -> Any:
        future = submit(func, callback)
        future.add_done_callback(lambda done: done.exception() and callback(done.exception()))
        return future

    backend.submit, backend.effective_n_jobs = reporting, lambda n_jobs: max(2, effective_n_jobs(n_jobs))
    try:
        yield
    finally:
        del backend.submit, backend.effective_n_jobs
        _cancel(backend.client)


def _cancel(client: Any) -> None:
    from distributed import Future  # noqa: PLC0415 (optional)

    if left := [Future(key, client) for key in list(client.futures) if str(key).startswith(KEY)]:
        client.cancel(left, force=True)
