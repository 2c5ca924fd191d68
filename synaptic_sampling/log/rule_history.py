"""Which rule each set of connections followed, and from which step on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["RuleHistory"]


class RuleHistory:
    """The rules of each set in the order of steps, each with the first step that it governed."""

    def __init__(self) -> None:
        self._kept: dict[int, list[tuple[int, dict[str, Any]]]] = {}

    def of(self, index: int) -> list[tuple[int, dict[str, Any]]]:
        """Return the rules of a set, a copy.

        Parameters
        ----------
        index : int
            Number of the set.

        Returns
        -------
        list of (int, dict)
            Empty where none is known.
        """
        return list(self._kept.get(index, ()))

    def rows(self) -> Iterator[tuple[int, int, dict[str, Any]]]:
        """Yield all rules.

        Yields
        ------
        step, index, rule
            Set by set, in the order in which ``take`` accepts them again.
        """
        for index, rules in self._kept.items():
            for step, rule in rules:
                yield step, index, rule

    def take(self, step: int, index: int, rule: dict[str, Any]) -> bool:
        """Keep a rule.

        Parameters
        ----------
        step : int
            The first step that it governs.
        index : int
            Number of the set.
        rule : dict
            As JSON can hold it.

        Returns
        -------
        bool
            False where the set follows this rule already.

        Raises
        ------
        ValueError
            If the step lies before that of the last change.
        """
        kept = self._kept.get(index, [])
        if kept and step < kept[-1][0]:
            raise ValueError(f"rules must be noted in the order of steps: step {step} came after {kept[-1][0]}.")
        if kept and kept[-1][1] == rule:
            return False
        before = [(first, own) for first, own in kept if first < step]
        # A rule that was replaced before any step came has governed none.
        self._kept[index] = before if before and before[-1][1] == rule else [*before, (step, rule)]
        return True

    def cut(self, until: int) -> None:
        """Drop the rules that govern later steps alone.

        Parameters
        ----------
        until : int
            The last step that stays.
        """
        kept = {index: [row for row in rules if row[0] <= until] for index, rules in self._kept.items()}
        self._kept = {index: rules for index, rules in kept.items() if rules}
