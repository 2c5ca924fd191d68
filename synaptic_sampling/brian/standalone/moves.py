"""The update of a rule as C++, generated from its Python lines, so that both give bit-identical results."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

__all__ = ["move_in_cpp", "noise_in_cpp", "num_parameters"]

OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
COMPARISONS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}

#: Of every move.
ARGUMENTS = ("theta", "gradient", "polarity", "nu", "parameters")


def move_in_cpp(move: Callable[..., float]) -> str:
    """Return the C++ function of an update.

    Parameters
    ----------
    move : callable
        ``move(theta, gradient, polarity, nu, parameters)``: assignments, each to a new name, the first of which may
        unpack ``parameters``, and one ``return``; arithmetic, comparisons, ``a if b else c``, ``min`` and ``max`` of
        two numbers.

    Returns
    -------
    str
        ``inline double move(double theta, double gradient, double polarity, double nu, const double *parameters)``,
        which evaluates all operations in the same order in double precision.

    Raises
    ------
    TypeError
        If the function contains anything else; names the line.
    """
    return _Translator(_parsed(move)).translate()


def noise_in_cpp(move: Callable[..., float]) -> str:
    """Return the C++ function that tells whether noise has an effect, and so must be drawn.

    It has none if every occurrence of ``nu`` is multiplied by a parameter whose value is 0.
    """
    function = _parsed(move)
    *_, nu, parameters = (argument.arg for argument in function.args.args)
    names = _unpacked(function)
    factors = set()
    for node in ast.walk(function):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            pair = {side.id for side in (node.left, node.right) if isinstance(side, ast.Name)}
            if nu in pair:
                factors |= {(node.lineno, node.col_offset, name) for name in pair & set(names)}
    uses = sum(isinstance(node, ast.Name) and node.id == nu for node in ast.walk(function))
    used = sorted({names.index(name) for *_, name in factors})
    test = " || ".join(f"{parameters}[{n}] != 0.0" for n in used) or "false"
    if len(factors) != uses:
        test = "true"
    return f"inline bool noisy(const double *{parameters})\n{{\n    return {test};\n}}\n"


def num_parameters(move: Callable[..., float]) -> int:
    """Return the number of parameters that an update unpacks."""
    return len(_unpacked(_parsed(move)))


def _parsed(move: Callable[..., float]) -> ast.FunctionDef:
    try:
        parsed = ast.parse(textwrap.dedent(inspect.getsource(move))).body
    except (OSError, SyntaxError, TypeError) as error:
        raise TypeError(f"the source of {move!r} cannot be read: {error}; define it in a file, with def.") from error
    function = parsed[0]
    if not isinstance(function, ast.FunctionDef) or len(function.args.args) != len(ARGUMENTS):
        raise TypeError(f"the move of a rule must be a function of {', '.join(ARGUMENTS)}, defined with def.")
    return function


def _unpacked(function: ast.FunctionDef) -> list[str]:
    """Return the names of the parameters, in order."""
    for node in function.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            return [ast.unparse(name) for name in node.targets[0].elts]
    return []


class _Translator:
    """Writes the lines of one function; each name stands for one number."""

    def __init__(self, function: ast.FunctionDef) -> None:
        *self._inputs, self._parameters = (argument.arg for argument in function.args.args)
        self._body = function.body[1:] if ast.get_docstring(function) else function.body
        self._known = set(self._inputs)

    def translate(self) -> str:
        lines = [line for statement in self._body for line in self._statement(statement)]
        arguments = ", ".join([*(f"double {name}" for name in self._inputs), f"const double *{self._parameters}"])
        return f"inline double move({arguments})\n{{\n" + "".join(f"    {line}\n" for line in lines) + "}\n"

    def _statement(self, node: ast.stmt) -> list[str]:
        if isinstance(node, ast.Return) and node.value is not None:
            return [f"return {self._expression(node.value)};"]
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            (target,) = node.targets
            if isinstance(target, ast.Name):
                value = self._expression(node.value)
                return [f"const double {self._new(target)} = {value};"]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Name) and node.value.id == self._parameters:
                return [
                    f"const double {self._new(name)} = {self._parameters}[{n}];" for n, name in enumerate(target.elts)
                ]
        raise _untranslatable(node)

    def _new(self, node: ast.expr) -> str:
        """Return a name that is assigned for the first time."""
        if not isinstance(node, ast.Name) or node.id in self._known:
            raise _untranslatable(node)
        self._known.add(node.id)
        return node.id

    def _expression(self, node: ast.expr) -> str:
        """Return an expression with each operation in parentheses, so that C++ keeps the order of Python."""
        one = self._expression
        match node:
            case ast.Name(id=name) if name in self._known:
                text = name
            case ast.Constant(value=int() | float() as value):
                text = repr(float(value))
            case ast.BinOp() if type(node.op) in OPERATORS:
                text = f"({one(node.left)} {OPERATORS[type(node.op)]} {one(node.right)})"
            case ast.UnaryOp(op=ast.USub()):
                text = f"(-{one(node.operand)})"
            case ast.Compare(ops=[operator]) if type(operator) in COMPARISONS:
                text = f"({one(node.left)} {COMPARISONS[type(operator)]} {one(node.comparators[0])})"
            case ast.IfExp():
                text = f"({one(node.test)} ? {one(node.body)} : {one(node.orelse)})"
            # Python's min and max return the first argument unless the second is smaller or larger, as these do.
            case ast.Call(func=ast.Name(id="min" | "max" as name), args=[_, _], keywords=[]):
                text = f"std::{name}<double>({', '.join(map(one, node.args))})"
            case _:
                raise _untranslatable(node)
        return text


def _untranslatable(node: Any) -> TypeError:
    return TypeError(
        f"the move of a rule cannot be written in C++: {ast.unparse(node)!r} in line {node.lineno}; use assignments to "
        "new names, arithmetic, comparisons, 'a if b else c', min and max of two numbers."
    )
