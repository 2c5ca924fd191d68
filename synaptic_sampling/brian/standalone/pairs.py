"""Pairs of neurons in a generated program: which it may connect, and values of each that rules read.

Strings are code, functions and arrays of p are tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
from brian2.core.variables import Variables
from numpy.typing import NDArray

from synaptic_sampling.brian.capabilities import refuse
from synaptic_sampling.brian.companion import Companion
from synaptic_sampling.brian.expressions import PairExpression, compile_statement, names_in_pairs
from synaptic_sampling.brian.internals import surgery
from synaptic_sampling.brian.standalone import program
from synaptic_sampling.brian.standalone.program import name_of
from synaptic_sampling.connections.draw import Grid, Listed, pieces
from synaptic_sampling.connections.sites import UNLIMITED, Sites

__all__ = ["AcceptedPairs", "ProgramPairExpression", "describe_companion"]


class ProgramPairExpression:
    """A string about pairs of neurons in C++ standalone mode; parameters and errors as those of `PairExpression`.

    The program evaluates it whenever runtime mode does, by the values of that time. In this process, it can be called
    where these values are known: before the run if the script sets numbers and arrays only, and after it.
    """

    def __init__(self, synapses: Any, text: str, dtype: Any, namespace: Mapping[str, Any]) -> None:
        self._synapses, self._text, self._dtype = synapses, text, dtype
        with program.in_this_process():
            self._variables, names = names_in_pairs(synapses, text, dtype, namespace)
        # Only what is needed: a script's other objects must not live on, as their names would be taken.
        self._namespace = {name: namespace[name] for name in names if name in namespace}
        self._evaluated: PairExpression | None = None
        self._evaluated_at: float | None = None

    @property
    def unknown(self) -> list[Any]:
        """Return the variables whose values are known to the program alone."""
        return [each for each in self._variables if not (program.is_known(each) or program.has_results(each))]

    def check_known(self) -> None:
        """Raise an error if values are known to the program alone."""
        if self.unknown:
            names = {f"'{each.name}' of '{each.owner.name}'": None for each in self.unknown}
            raise refuse("strings", f"{' and '.join(names)} in {self._text!r}")

    def __call__(self, pre: NDArray[np.int32], post: NDArray[np.int32]) -> NDArray[Any]:
        """Return the value for each pair of neurons, which are numbered within their groups."""
        if not len(pre):
            return np.empty(0, self._dtype)
        self.check_known()
        with program.in_this_process():
            if self._evaluated is None or self._evaluated_at != program.when_run():
                self._evaluated = PairExpression(self._synapses, self._text, self._dtype, self._namespace)
                self._evaluated_at = program.when_run()
            return self._evaluated(pre, post)

    def describe(self, name: str) -> SimpleNamespace:
        """Add the code to the program under some name; return its context, with names in C++."""
        # Another name whenever one is taken would make another program.
        self._probe = probe = surgery.make_probe(self._synapses, f"{self._synapses.name}_{name}")
        variables = Variables(probe)
        variables.add_dynamic_array("_group_idx", size=0, dtype=np.int32, needs_reference_update=True)
        variables.add_dynamic_array("_answer", size=0, dtype=self._dtype)
        with program.kept_known(self._variables):
            self._code = compile_statement(probe, f"_answer = {self._text}", variables, self._namespace)
        return SimpleNamespace(
            code=self._code.name,
            is_probability=self._dtype is not np.bool_,
            pre=name_of(probe.variables["_synaptic_pre"]),
            post=name_of(probe.variables["_synaptic_post"]),
            slots=name_of(variables["_group_idx"]),
            answer=name_of(variables["_answer"]),
        )


class AcceptedPairs:
    """The pairs that a program may connect, as far as they are not a list.

    Parameters
    ----------
    num_pre, num_post : int
        Numbers of neurons on both sides.
    allowed : mapping
        Arguments of `Sites`.
    """

    def __init__(self, num_pre: int, num_post: int, allowed: Mapping[str, Any]) -> None:
        self._shape, self._allowed = (num_pre, num_post), allowed
        self._chosen = {"candidates": callable(allowed.get("candidates")), "probability": "probability" in allowed}

    def check_known(self) -> None:
        """Raise an error if a string depends on values that only the program knows."""
        for each in self._strings():
            each.check_known()

    @property
    def are_known(self) -> bool:
        """Return whether the pairs are known before the program runs."""
        return not any(each.unknown for each in self._strings())

    def describe(self, keep: Callable[[str, NDArray[Any]], str]) -> list[SimpleNamespace]:
        """Return the context of each factor of the probability of a pair; ``keep`` stores an array in the program."""
        chosen = {name: self._allowed[name] for name, is_chosen in self._chosen.items() if is_chosen}
        return [
            given.describe(name)
            if isinstance(given, ProgramPairExpression)
            else SimpleNamespace(code=None, table=keep(f"{name}_table", self._table(name)))
            for name, given in chosen.items()
        ]

    def _strings(self) -> list[ProgramPairExpression]:
        return [each for each in self._allowed.values() if isinstance(each, ProgramPairExpression)]

    def _table(self, name: str) -> NDArray[Any]:
        """Return the values of a function or an array for all pairs, 0 for pairs that may not be connected anyway."""
        others = {other for other, is_chosen in self._chosen.items() if is_chosen and other != name}
        sites = Sites(*self._shape, **{key: value for key, value in self._allowed.items() if key not in others})
        pool = Listed(sites, sites.listed) if len(sites.listed) else Grid(sites, UNLIMITED)
        table: NDArray[Any] = np.zeros(self._shape[0] * self._shape[1], bool if name == "candidates" else float)
        for keys in pieces(pool):
            table[keys] = sites.acceptance(keys)
        return table


def describe_companion(companion: Companion) -> SimpleNamespace | None:
    """Return the context of the synapses with a value for each pair; None where there are none."""
    if companion.synapses is None:
        return None
    ((signal, _),) = companion.names.items()
    v = companion.synapses.variables
    return SimpleNamespace(
        name=companion.synapses.name,
        signal=signal,
        pre=name_of(v["_synaptic_pre"]),
        post=name_of(v["_synaptic_post"]),
        values=name_of(companion.variable(signal)),
        needed=None if companion.needed is None else name_of(companion.needed),
    )
