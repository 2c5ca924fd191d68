"""Brian2 strings about synapses and pairs of neurons, compiled once and evaluated often."""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2.codegen.codeobject import create_runner_codeobj
from brian2.codegen.translation import analyse_identifiers, get_identifiers_recursively
from brian2.core.variables import ArrayVariable, Variables
from brian2.devices.device import get_device
from brian2.parsing.expressions import is_boolean_expression
from brian2.parsing.rendering import NodeRenderer
from brian2.synapses.synapses import SynapticPathway
from brian2.units.fundamentalunits import fail_for_dimension_mismatch
from brian2.utils.stringtools import get_identifiers
from numpy.typing import NDArray

from synaptic_sampling.brian.internals import surgery

__all__ = [
    "Birth",
    "Condition",
    "PairExpression",
    "check_birth",
    "check_early",
    "compile_statement",
    "event_driven",
    "event_driven_in",
    "names_in_pairs",
]

#: Number of pairs of neurons for which a string is evaluated at once.
PAIRS_AT_ONCE = 4096
#: Functions of Brian2 that return random numbers.
RANDOM = {"rand", "randn", "poisson"}


def check_birth(synapses: Any, name: str, value: Any) -> None:
    """Raise an error unless a variable of new connections can be set to this value; strings are checked later."""
    view = _view(synapses, name)
    if view.variable.scalar:
        raise ValueError(f"birth sets {name!r}, but '{synapses.name}' has one delay for all; leave out delay=... .")
    if isinstance(value, str):
        return
    if np.ndim(value) != 0 or np.asarray(value).dtype.kind not in "biuf":
        raise TypeError(f"birth of {name!r} must be one value or a string, got {value!r}.")
    fail_for_dimension_mismatch(value, view.variable.dim, f"birth of {name!r} does not fit the unit of the variable")


def _view(synapses: Any, name: str) -> Any:
    """Return a variable of the synapses or, after a dot, the delay of one of their pathways."""
    pathway, _, variable = name.rpartition(".")
    if variable == "delay" and not isinstance(getattr(synapses, pathway or "pre", None), SynapticPathway):
        raise ValueError(
            f"birth sets {name!r}, but '{synapses.name}' has no pathway '{pathway or 'pre'}'; "
            "name one of those it has, as in 'post.delay'."
        )
    return getattr(getattr(synapses, pathway) if pathway else synapses, variable)


def _check_condition(group: Any, text: str, namespace: Any) -> None:
    """Raise an error unless a string is a boolean expression; NumPy would treat any other value than 0 as true."""
    known = group.resolve_all(get_identifiers(text), run_namespace=namespace)
    if not is_boolean_expression(text, known):
        raise TypeError(f"{text!r} is not a boolean expression; write a condition such as 'w < 0.1'.")


def check_early(group: Any, text: str, namespace: Any) -> None:
    """Raise the error that a condition would raise in a run, as far as its names are known already."""
    NodeRenderer().render_expr(text)  # Raises an error for what Brian2 cannot translate, such as 0 < w < 1.
    try:
        _check_condition(group, text, namespace)
    except KeyError:
        return  # The name may be known in the run.


def event_driven(synapses: Any) -> set[str]:
    """Return the names of the variables that Brian2 updates only when a spike arrives."""
    return set() if synapses.event_driven is None else set(synapses.event_driven.diff_eq_names)


def event_driven_in(synapses: Any, text: str) -> set[str]:
    """Return the event-driven variables in a string, subexpressions included; none where it names ``lastupdate``.

    Such a string, as ``'x*exp(-(t - lastupdate)/tau) < 0.1'``, knows how old their values are.
    """
    names = get_identifiers_recursively([text], synapses.variables)
    return set() if "lastupdate" in names else names & event_driven(synapses)


def compile_statement(group: Any, statement: str, variables: Variables, namespace: Any) -> Any:
    """Return code that runs the statement for the indices in the variable ``_group_idx``."""
    return create_runner_codeobj(
        group,
        statement,
        "group_variable_set",
        run_namespace=namespace,
        additional_variables=variables,
        codeobj_class=get_device().code_object_class(fallback_pref="codegen.string_expression_target"),
    )


def names_in_pairs(synapses: Any, text: str, dtype: Any, namespace: Any) -> tuple[list[ArrayVariable], set[str]]:
    """Return the variables in a string about pairs of neurons, and its other names, subexpressions included.

    Raises the errors of `PairExpression`.
    """
    probe = _probe_for(synapses, text, dtype, namespace)
    _, known, external = analyse_identifiers(f"_answer = {text}", probe.variables, recursive=True)
    probe.resolve_all(known | external - {"_answer"}, namespace)
    used = [probe.variables[name] for name in sorted(known & set(probe.variables))]
    return [each for each in used if isinstance(each, ArrayVariable) and each.owner.name != probe.name], external


def _probe_for(synapses: Any, text: str, dtype: Any, namespace: Any) -> Any:
    """Return synapses by which a string can be evaluated, after checking the string."""
    random = sorted(get_identifiers(text) & RANDOM)
    if random:
        raise ValueError(
            f"{text!r} draws {random[0]}(), but must have the same value at every evaluation; leave it out "
            "(p=0.5 accepts pairs with a probability)."
        )
    probe = surgery.make_probe(synapses, f"{synapses.name}_pairs*")
    if dtype is np.bool_:
        _check_condition(probe, text, namespace)
    return probe


class PairExpression:
    """A Brian2 string about pairs of neurons, such as ``'abs(x_pre - x_post) < 200*um'``, compiled once.

    It is evaluated by a probe, synapses that belong to no network, for the pairs in question. ``dtype`` is bool for a
    condition and float64 for a number. Raises an error if a condition is not boolean, or if the string draws random
    numbers.
    """

    def __init__(self, synapses: Any, text: str, dtype: Any, namespace: Any) -> None:
        self._probe = probe = _probe_for(synapses, text, dtype, namespace)
        none = np.zeros(PAIRS_AT_ONCE, np.int32)
        probe.connect(i=none, j=none)
        variables = Variables(probe)
        variables.add_array("_group_idx", size=PAIRS_AT_ONCE, dtype=np.int32, values=np.arange(PAIRS_AT_ONCE))
        variables.add_array("_answer", size=PAIRS_AT_ONCE, dtype=dtype)
        self._answer = variables["_answer"]
        self._run = compile_statement(probe, f"_answer = {text}", variables, namespace)

    def __call__(self, pre: NDArray[np.int32], post: NDArray[np.int32]) -> NDArray[Any]:
        """Return the value for each pair of neurons, which are numbered within their groups."""
        out = np.empty(len(pre), self._answer.dtype)
        for begin in range(0, len(pre), PAIRS_AT_ONCE):
            piece = slice(begin, min(begin + PAIRS_AT_ONCE, len(pre)))
            surgery.point(self._probe, pre[piece], post[piece])
            self._run()
            out[piece] = self._answer.get_value()[: piece.stop - begin]
        return out


class Condition:
    """A condition on synapses such as ``'w < 0.02'``, compiled once and evaluated often.

    ``number`` is the present number of synapses; a C++ program sets it itself. ``slots`` and ``answer`` are the
    variables with the synapses in question and the result, ``code`` the code object to be run. Raises TypeError if the
    string is not a condition.
    """

    def __init__(self, synapses: Any, text: str, namespace: Any, number: int) -> None:
        _check_condition(synapses, text, namespace)
        variables = Variables(synapses)
        variables.add_dynamic_array("_group_idx", size=number, dtype=np.int32, values=np.arange(number))
        variables.add_dynamic_array("_holds", size=number, dtype=np.bool_)
        self.slots, self.answer = variables["_group_idx"], variables["_holds"]
        self.code = compile_statement(synapses, f"_holds = {text}", variables, namespace)

    def holds(self) -> NDArray[np.bool_]:
        """Return for each slot whether the condition holds now; overwritten by the next call."""
        self.code()
        return self.answer.get_value()


class Birth:
    """The value of a variable of new connections; a string such as ``'0.2*rand()'`` is compiled once.

    ``variable`` is set in the synapses listed in ``slots``, by ``code`` where ``value`` is a string; else ``code`` is
    None.
    """

    def __init__(self, synapses: Any, name: str, value: Any, namespace: Any) -> None:
        self._view, self.value, self.code = _view(synapses, name), value, None
        self.variable = self._view.variable
        if isinstance(value, str):
            group = self._view.group
            variables = Variables(group)
            variables.add_dynamic_array("_group_idx", size=1, dtype=np.int32, needs_reference_update=True)
            self.slots = variables["_group_idx"]
            self.code = compile_statement(group, f"{self._view.name} = {value}", variables, namespace)

    def set(self, slots: NDArray[np.int32]) -> None:
        """Set the variable in these slots."""
        if self.code is None:
            self._view.set_with_index_array(slots, self.value, check_units=True)
            return
        self.slots.resize(len(slots))
        self.slots.get_value()[:] = slots
        self.code()
