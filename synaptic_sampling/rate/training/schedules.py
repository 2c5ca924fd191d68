"""Schedules, which choose the rule of each epoch, and a criterion to stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from synaptic_sampling._checks import check_integer, check_number
from synaptic_sampling.rules.base import Rule

__all__ = ["Decay", "LinearDecay", "Patience", "Schedule"]

#: A function from the number of an epoch, 0 for the first, to the rule in it.
Schedule = Callable[[int], Rule]


@dataclass(frozen=True)
class Decay:
    """A rule whose learning rate and temperature are multiplied by a factor after each epoch.

    Parameters
    ----------
    rule : DeepR, SoftDeepR, FixedWiring or another rule with a learning rate
        In the first epoch.
    learning_rate, temperature : float
        The factors, > 0; the latter has no effect on a rule without a temperature. With both equal, the noise per step
        decreases in proportion to the learning rate. The l1 of `SoftDeepR` is multiplied by the factor of the
        temperature, so that theta_min stays the same.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range.
    """

    rule: Rule
    learning_rate: float = 1.0
    temperature: float = 1.0

    def __post_init__(self) -> None:
        _check_rule(self.rule)
        check_number("learning_rate", self.learning_rate, above=0.0)
        check_number("temperature", self.temperature, above=0.0)

    def __call__(self, epoch: int) -> Rule:
        """Return the rule of an epoch, 0 for the first."""
        number = check_integer("epoch", epoch, minimum=0, maximum=2**31)
        return self.rule.annealed(self.learning_rate**number, self.temperature**number)


@dataclass(frozen=True)
class LinearDecay:
    """A rule whose learning rate decreases linearly, and its temperature in proportion.

    The noise per step thus decreases in proportion to the learning rate. The l1 of `SoftDeepR` decreases with the
    temperature, so that theta_min stays the same.

    Parameters
    ----------
    rule : DeepR, SoftDeepR, FixedWiring or another rule with a learning rate
        In the first epoch.
    epochs : int
        Number of epochs, at least 1; the last one and all later ones have the final learning rate.
    final : float
        The final learning rate relative to the first, above 0 and at most 1.
    temperature : bool
        Whether the temperature decreases as well; if False, only the learning rate does.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range.
    """

    rule: Rule
    epochs: int
    final: float
    temperature: bool = True

    def __post_init__(self) -> None:
        _check_rule(self.rule)
        check_integer("epochs", self.epochs, minimum=1, maximum=2**31)
        check_number("final", self.final, above=0.0, maximum=1.0)
        if not isinstance(self.temperature, bool):
            raise TypeError(f"temperature must be True or False, got {self.temperature!r}.")

    def __call__(self, epoch: int) -> Rule:
        """Return the rule of an epoch, 0 for the first."""
        number = check_integer("epoch", epoch, minimum=0, maximum=2**31)
        part = min(number / max(self.epochs - 1, 1), 1.0)
        factor = 1.0 - (1.0 - self.final) * part
        return self.rule.annealed(factor, factor if self.temperature else 1.0)


@dataclass(frozen=True)
class Patience:
    """Ends training when the accuracy in tests has not increased for some epochs.

    The samples of these tests must not be those by which the network is evaluated in the end.

    Parameters
    ----------
    epochs : int
        Number of epochs to wait, at least 1.

    Raises
    ------
    TypeError, ValueError
        If it is not an integer, or below 1.
    """

    epochs: int

    def __post_init__(self) -> None:
        check_integer("epochs", self.epochs, minimum=1, maximum=2**31)

    def __call__(self, trainer: Any) -> bool:
        """Return whether none of the last ``epochs`` tests was better than those before them."""
        accuracies = [accuracy for _, accuracy in trainer.tests]
        if not accuracies:
            raise ValueError(f"{self} needs tests, but there are none; give test=(samples, labels) to fit.")
        recent, earlier = accuracies[-self.epochs :], accuracies[: -self.epochs]
        return bool(earlier) and max(recent) <= max(earlier)


def _check_rule(rule: object) -> None:
    if not isinstance(rule, Rule) or not hasattr(rule, "learning_rate"):
        raise TypeError(f"rule must be one with a learning rate, such as DeepR or FixedWiring, got {rule!r}.")
