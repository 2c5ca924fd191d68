"""Functions for scripts.sweep, for those who write none: networks of this project, trained with given parameters.

A file names them as function = "scripts.swept:rate" or "scripts.swept:spiking". Each run has its log in its folder. One
that is stopped goes on after its last epoch, or last checkpoint.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from models import spiking_tasks
from scripts import rate_methods, train_spiking
from scripts.training import Result

__all__ = ["rate", "spiking"]


def rate(
    *,
    seed: int,
    folder: Path,
    checkpoint: Path,
    task: str = "digits",
    method: str = "deepr",
    connectivity: float | Sequence[float] | None = None,
    learning_rate: float | None = None,
    l1: float | None = None,
    epochs: int | None = None,
    budget: str = "layer",
    quick: bool = False,
    validation: bool = False,
    data_dir: str | None = None,
) -> dict[str, float]:
    """Train a rate-based network; arguments as the options of scripts.train_rate."""
    _check(task, rate_methods.TASKS, method, rate_methods.METHODS)
    if l1 is not None and method not in {"deepr", "soft"}:
        raise ValueError(f"l1 belongs to methods 'deepr' and 'soft', got {method!r}; leave it out.")
    if method in rate_methods.VARYING and method not in rate_methods.TASKS[task].rules:
        raise ValueError(f"method {method!r} has no parameters for task {task!r}; choose another task.")
    own = rate_methods.rule_of(rate_methods.TASKS[task], method)
    # The log stays beside the checkpoint while the run is not finished.
    log_path = checkpoint.with_suffix(".rewiring")
    result = rate_methods.train(
        method=method,
        log_path=log_path,
        checkpoint=checkpoint,
        resume=True,
        task=task,
        connectivity=_several(connectivity),
        seed=seed,
        epochs=epochs,
        budget=budget,
        quick=quick,
        validation=validation,
        data_dir=None if data_dir is None else Path(data_dir),
        rule=rate_methods.changed(own, learning_rate, l1),
    )
    shutil.copyfile(log_path, folder / "log.rewiring")
    return _numbers(result)


def spiking(
    *,
    seed: int,
    folder: Path,
    checkpoint: Path,
    task: str = "digits",
    method: str = "deepr",
    connectivity: float | Sequence[float] | None = None,
    epochs: int | None = None,
    device: str = train_spiking.DEVICES[0],
    quick: bool = False,
    validation: bool = False,
    data_dir: str | None = None,
    checkpoint_every: int | None = None,
) -> dict[str, float]:
    """Train a recurrent spiking network; arguments as the options of scripts.train_spiking.

    A checkpoint takes two seconds, and so is written only with ``checkpoint_every``.
    """
    saving: dict[str, Any] = (
        {} if checkpoint_every is None else {"checkpoint": checkpoint, "checkpoint_every": checkpoint_every}
    )
    _check(task, spiking_tasks.TASKS, method, spiking_tasks.METHODS)
    result = train_spiking.train(
        task=task,
        method=method,
        connectivity=_several(connectivity),
        seed=seed,
        epochs=epochs,
        quick=quick,
        device=device,
        validation=validation,
        data_dir=None if data_dir is None else Path(data_dir),
        log_path=folder / "log.rewiring",
        resume=bool(saving),
        **saving,
    )
    return {**_numbers(result), "rate_hz": result.details["rate_hz"]}


def _check(task: str, tasks: Iterable[str], method: str, methods: Iterable[str]) -> None:
    """Refuse unknown names, since the rules of tasks have defaults."""
    for name, value, allowed in (("task", task, tuple(tasks)), ("method", method, tuple(methods))):
        if value not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {value!r}.")


def _several(connectivity: float | Sequence[float] | None) -> Sequence[float] | None:
    return [connectivity] if isinstance(connectivity, int | float) else connectivity


def _numbers(result: Result) -> dict[str, float]:
    return {
        "accuracy": result.accuracies[-1],
        "connections": result.connections,
        "births": result.births,
        "deaths": result.deaths,
    }
