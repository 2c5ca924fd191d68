"""The rules that each set of connections followed, and the steps to which they applied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["RuleHistory"]


class RuleHistory:
    """The rules of each set, in the order of steps, each with the first step to which it applied."""

    def __init__(self) -> None:
        self._kept: dict[int, list[tuple[int, dict[str, Any]]]] = {}

    def of(self, index: int) -> list[tuple[int, dict[str, Any]]]:
        """Return a copy of the rules of a set; empty if none is known."""
        return list(self._kept.get(index, ()))

    def rows(self) -> Iterator[tuple[int, int, dict[str, Any]]]:
        """Yield (step, index, rule) of all rules, in an order in which ``take`` accepts them."""
        for index, rules in self._kept.items():
            for step, rule in rules:
                yield step, index, rule

    def take(self, step: int, index: int, rule: dict[str, Any]) -> bool:
        """Add a rule, and return False if the set already follows it."""
        kept = self._kept.get(index, [])
        if kept and step < kept[-1][0]:
            raise ValueError(f"step must not decrease: a rule was noted at step {kept[-1][0]}, got step {step}.")
        if kept and kept[-1][1] == rule:
            return False
        before = [(first, own) for first, own in kept if first < step]
        # A rule that was replaced before its first step never applied.
        self._kept[index] = before if before and before[-1][1] == rule else [*before, (step, rule)]
        return True

    def cut(self, until: int) -> None:
        """Discard the rules that apply to later steps only."""
        kept = {index: [row for row in rules if row[0] <= until] for index, rules in self._kept.items()}
        self._kept = {index: rules for index, rules in kept.items() if rules}
