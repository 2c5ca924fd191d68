"""What joblib lacks where workers of a cluster are killed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from typing import Any

__all__ = ["backend_of_runs", "is_death"]


def is_death(error: BaseException) -> bool:
    """Return whether an error is that of joblib or of Dask for a process that was killed."""
    return isinstance(error, BrokenExecutor) or type(error).__name__ == "KilledWorker"


def backend_of_runs() -> Any:
    """Return the backend on which joblib runs a sweep: for Dask a new one that is mended, otherwise None, the default.

    joblib 1.6 never returns from a run that Dask has given up since its workers died, and performs all runs in this
    process if the cluster has only one worker at first.
    """
    from joblib.parallel import get_active_backend  # noqa: PLC0415 (optional)

    active, _ = get_active_backend()
    if type(active).__name__ != "DaskDistributedBackend":
        return None
    client, timeout = active.client, active.wait_for_workers_timeout
    backend = type(active)(client=client, wait_for_workers_timeout=timeout, **active.submit_kwargs)
    submit, effective_n_jobs = backend.submit, backend.effective_n_jobs

    def reporting(func: Any, callback: Callable[[Any], object]) -> Any:
        future = submit(func, callback)
        future.add_done_callback(lambda done: done.exception() and callback(done.exception()))
        return future

    backend.submit, backend.effective_n_jobs = reporting, lambda n_jobs: max(2, effective_n_jobs(n_jobs))
    return backend
