"""The move of a rule as C++, written from its Python lines, so that both compute the same bits."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

__all__ = ["move_in_cpp"]

OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
COMPARISONS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}


def move_in_cpp(move: Callable[..., float]) -> str:
    """Return the C++ function of a move.

    Parameters
    ----------
    move : callable
        ``move(theta, gradient, polarity, nu, parameters)``: assignments, the first of which may unpack ``parameters``,
        and one ``return``; arithmetic, comparisons, ``a if b else c``, ``min`` and ``max`` of two numbers.

    Returns
    -------
    str
        ``inline double move(double theta, double gradient, double polarity, double nu, const double *parameters)``,
        which evaluates every operation in the same order in double precision.

    Raises
    ------
    TypeError
        If the move does something else; names the line.
    """
    (function,) = ast.parse(textwrap.dedent(inspect.getsource(move))).body
    assert isinstance(function, ast.FunctionDef)
    *inputs, parameters = (argument.arg for argument in function.args.args)
    body = function.body[1:] if ast.get_docstring(function) else function.body
    lines = [line for statement in body for line in _statement(statement, parameters)]
    arguments = ", ".join([*(f"double {name}" for name in inputs), f"const double *{parameters}"])
    return f"inline double move({arguments})\n{{\n" + "".join(f"    {line}\n" for line in lines) + "}\n"


def _statement(node: ast.stmt, parameters: str) -> list[str]:
    if isinstance(node, ast.Return) and node.value is not None:
        return [f"return {_expression(node.value)};"]
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        (target,) = node.targets
        if isinstance(target, ast.Name):
            return [f"const double {target.id} = {_expression(node.value)};"]
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Name) and node.value.id == parameters:
            return [f"const double {ast.unparse(name)} = {parameters}[{n}];" for n, name in enumerate(target.elts)]
    raise _untranslatable(node)


def _expression(node: ast.expr) -> str:
    """Return an expression, each operation in parentheses, so that C++ keeps the order of Python."""
    match node:
        case ast.Name():
            text = node.id
        case ast.Constant(value=int() | float() as value):
            text = repr(float(value))
        case ast.BinOp() if type(node.op) in OPERATORS:
            text = f"({_expression(node.left)} {OPERATORS[type(node.op)]} {_expression(node.right)})"
        case ast.UnaryOp(op=ast.USub()):
            text = f"(-{_expression(node.operand)})"
        case ast.Compare(ops=[operator]) if type(operator) in COMPARISONS:
            text = f"({_expression(node.left)} {COMPARISONS[type(operator)]} {_expression(node.comparators[0])})"
        case ast.IfExp():
            text = f"({_expression(node.test)} ? {_expression(node.body)} : {_expression(node.orelse)})"
        # Python's min and max return the first argument unless the second is smaller or larger, as these do.
        case ast.Call(func=ast.Name(id="min" | "max" as name), args=[_, _], keywords=[]):
            text = f"std::{name}<double>({', '.join(map(_expression, node.args))})"
        case _:
            raise _untranslatable(node)
    return text


def _untranslatable(node: Any) -> TypeError:
    return TypeError(
        f"the move of a rule cannot be written in C++: {ast.unparse(node)!r} in line {node.lineno}; use assignments, "
        "arithmetic, comparisons, 'a if b else c', min and max of two numbers."
    )
