"""Functions for scripts.sweep, for those who write none: networks of this project, trained with given parameters.

A file names them as function = "scripts.swept:rate" or "scripts.swept:spiking". Each run has its log in its folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from scripts import train_rate, train_spiking
from scripts.training import Result

__all__ = ["rate", "spiking"]


def rate(
    *,
    seed: int,
    folder: Path,
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
    if l1 is not None and method != "deepr":
        raise ValueError(f"l1 belongs to method 'deepr', got {method!r}; leave it out.")
    own = train_rate.rule_of(train_rate.TASKS[task], method)
    result = train_rate.train_on_disk(
        method=method,
        log_path=folder / "log.rewiring",
        task=task,
        connectivity=_several(connectivity),
        seed=seed,
        epochs=epochs,
        budget=budget,
        quick=quick,
        validation=validation,
        data_dir=None if data_dir is None else Path(data_dir),
        rule=train_rate.changed(own, learning_rate, l1),
    )
    return _numbers(result)


def spiking(
    *,
    seed: int,
    folder: Path,
    task: str = "digits",
    method: str = "deepr",
    connectivity: float | Sequence[float] | None = None,
    epochs: int | None = None,
    device: str = train_spiking.DEVICES[0],
    quick: bool = False,
    validation: bool = False,
    data_dir: str | None = None,
) -> dict[str, float]:
    """Train a recurrent spiking network; arguments as the options of scripts.train_spiking."""
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
    )
    return {**_numbers(result), "rate_hz": result.details["rate_hz"]}


def _several(connectivity: float | Sequence[float] | None) -> Sequence[float] | None:
    return [connectivity] if isinstance(connectivity, int | float) else connectivity


def _numbers(result: Result) -> dict[str, float]:
    return {
        "accuracy": result.accuracies[-1],
        "connections": result.connections,
        "births": result.births,
        "deaths": result.deaths,
    }
