"""Brian2 strings about synapses and pairs of neurons, compiled once and evaluated often."""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2.codegen.codeobject import create_runner_codeobj
from brian2.core.variables import Variables
from brian2.devices.device import get_device
from brian2.parsing.expressions import is_boolean_expression
from brian2.parsing.rendering import NodeRenderer
from brian2.synapses.synapses import SynapticPathway
from brian2.units.fundamentalunits import fail_for_dimension_mismatch
from brian2.utils.stringtools import get_identifiers
from numpy.typing import NDArray

from synaptic_sampling.brian.internals import surgery
from synaptic_sampling.brian.standalone import program

__all__ = ["Birth", "Condition", "PairExpression", "check_birth", "check_early"]

#: Pairs of neurons about which a string is asked at once.
PAIRS_AT_ONCE = 4096
#: Functions of Brian2 that answer differently each time.
RANDOM = {"rand", "randn", "poisson"}


def check_birth(synapses: Any, name: str, value: Any) -> None:
    """Raise an error unless a newborn's variable can be set to this value.

    Parameters
    ----------
    synapses : Synapses
        After ``connect``.
    name : str
        The variable, ``'delay'``, or that of a pathway: ``'post.delay'``.
    value : number, Quantity or str
        A string is checked when it is compiled.

    Raises
    ------
    DimensionMismatchError
        If the units differ.
    TypeError
        If it is no single value.
    ValueError
        If it is a delay where a pathway has one delay for all, or there is no such pathway.
    """
    view = _view(synapses, name)
    if view.variable.scalar:
        raise ValueError(f"birth sets {name!r}, but '{synapses.name}' has one for all synapses; leave out delay=... .")
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
    """Raise an error unless a string is true or false; what is not, NumPy would take for true where it is not 0."""
    known = group.resolve_all(get_identifiers(text), run_namespace=namespace)
    if not is_boolean_expression(text, known):
        raise TypeError(f"{text!r} is no condition; write one that is true or false, such as 'w < 0.1'.")


def check_early(group: Any, text: str, namespace: Any) -> None:
    """Raise the error that a condition will raise in a run, as far as its names are known already.

    Parameters
    ----------
    group : Group
        Whose variables it may name.
    text : str
        The condition.
    namespace : dict
        What other names mean here; those of the run may mean more.

    Raises
    ------
    SyntaxError, TypeError
        If it is none.
    """
    NodeRenderer().render_expr(text)  # Raises an error for what Brian2 cannot translate, such as 0 < w < 1.
    try:
        _check_condition(group, text, namespace)
    except KeyError:
        return  # The run may know the name.


def _compile(group: Any, statement: str, variables: Variables, namespace: Any) -> Any:
    """Return code that runs the statement for the indices in the variable ``_group_idx``."""
    return create_runner_codeobj(
        group,
        statement,
        "group_variable_set",
        run_namespace=namespace,
        additional_variables=variables,
        codeobj_class=get_device().code_object_class(fallback_pref="codegen.string_expression_target"),
    )


class PairExpression:
    """A Brian2 string about pairs of neurons, such as ``'abs(x_pre - x_post) < 200*um'``, compiled once.

    It is evaluated by synapses that belong to no network, between the pairs that are asked about.

    Parameters
    ----------
    synapses : Synapses
        Between the groups that are meant.
    text : str
        With i, j, and variables of both groups (``_pre``, ``_post``).
    dtype : dtype
        Of the answer: bool for a condition, float64 for a number.
    namespace : dict
        What other names mean, besides those in the namespace of the synapses.

    Raises
    ------
    TypeError
        If it is to be a condition and is none.
    ValueError
        If it draws random numbers.
    NotImplementedError
        In C++ standalone mode.
    """

    def __init__(self, synapses: Any, text: str, dtype: Any, namespace: Any) -> None:
        random = sorted(get_identifiers(text) & RANDOM)
        if random:
            raise ValueError(
                f"{text!r} draws {random[0]}(), but has to give the same answer whenever it is asked; leave it out "
                "(a share of the pairs is drawn by p)."
            )
        if program.is_standalone():
            raise program.refuse(f"{text!r} about pairs cannot be evaluated", "give an array")
        self._probe = probe = surgery.make_probe(synapses, PAIRS_AT_ONCE)
        probe.namespace = synapses.namespace
        if dtype is np.bool_:
            _check_condition(probe, text, namespace)
        variables = Variables(probe)
        variables.add_array("_group_idx", size=PAIRS_AT_ONCE, dtype=np.int32, values=np.arange(PAIRS_AT_ONCE))
        variables.add_array("_answer", size=PAIRS_AT_ONCE, dtype=dtype)
        self._answer = variables["_answer"]
        self._run = _compile(probe, f"_answer = {text}", variables, namespace)

    def __call__(self, pre: NDArray[np.int32], post: NDArray[np.int32]) -> NDArray[Any]:
        """Return the answer for each pair.

        Parameters
        ----------
        pre, post : ndarray of int32, shape (n,)
            Counted within their groups.

        Returns
        -------
        ndarray, shape (n,)
            Answers.
        """
        out = np.empty(len(pre), self._answer.dtype)
        for begin in range(0, len(pre), PAIRS_AT_ONCE):
            piece = slice(begin, min(begin + PAIRS_AT_ONCE, len(pre)))
            surgery.point(self._probe, pre[piece], post[piece])
            self._run()
            out[piece] = self._answer.get_value()[: piece.stop - begin]
        return out


class Condition:
    """A condition on synapses such as ``'w < 0.02'``, compiled once and evaluated often.

    Parameters
    ----------
    synapses : Synapses
        After ``connect``.
    text : str
        The condition.
    namespace : dict
        What its names mean, besides the variables of the synapses.

    number : int
        How many synapses there are; those of a C++ program it sets itself.

    Attributes
    ----------
    slots, answer : DynamicArrayVariable
        About which synapses it is asked, and for each whether it holds.
    code : CodeObject
        To be run.

    Raises
    ------
    TypeError
        If it is none.
    """

    def __init__(self, synapses: Any, text: str, namespace: Any, number: int) -> None:
        _check_condition(synapses, text, namespace)
        variables = Variables(synapses)
        variables.add_dynamic_array("_group_idx", size=number, dtype=np.int32, values=np.arange(number))
        variables.add_dynamic_array("_holds", size=number, dtype=np.bool_)
        self.slots, self.answer = variables["_group_idx"], variables["_holds"]
        self.code = _compile(synapses, f"_holds = {text}", variables, namespace)

    def holds(self) -> NDArray[np.bool_]:
        """Return for which slots it holds now.

        Returns
        -------
        ndarray of bool
            Overwritten by the next call.
        """
        self.code()
        return self.answer.get_value()


class Birth:
    """What a newborn connection's variable is set to; strings are compiled once.

    Parameters
    ----------
    synapses : Synapses
        After ``connect``.
    name : str
        The variable, or ``'delay'``.
    value : number, Quantity or str
        A string is evaluated for each newborn, such as ``'0.2*rand()'``.
    namespace : dict
        What the names in the string mean, besides the variables of the synapses.

    Attributes
    ----------
    variable : ArrayVariable
        Which is set.
    value : number, Quantity or str
        As given.
    code : CodeObject or None
        To be run where the value is a string.
    slots : DynamicArrayVariable
        Those which it sets.
    """

    def __init__(self, synapses: Any, name: str, value: Any, namespace: Any) -> None:
        self._view, self.value, self.code = _view(synapses, name), value, None
        self.variable = self._view.variable
        if isinstance(value, str):
            group = self._view.group
            variables = Variables(group)
            variables.add_dynamic_array("_group_idx", size=1, dtype=np.int32, needs_reference_update=True)
            self.slots = variables["_group_idx"]
            self.code = _compile(group, f"{self._view.name} = {value}", variables, namespace)

    def set(self, slots: NDArray[np.int32]) -> None:
        """Set the variable in these slots.

        Parameters
        ----------
        slots : ndarray of int32
            Where connections were born.
        """
        if self.code is None:
            self._view.set_with_index_array(slots, self.value, check_units=True)
            return
        self.slots.resize(len(slots))
        self.slots.get_value()[:] = slots
        self.code()
