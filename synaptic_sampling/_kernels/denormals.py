"""Whether the processor computes with denormal numbers, those below 1e-308, or takes them for 0, in this thread.

Arithmetic with them takes up to a hundred times as long, and traces of silent neurons decay to them. Same setting as
brian/standalone/templates/denormals.h. Nothing happens on other processors than x86-64 and 64-bit ARM, and where Numba
is disabled.
"""

from __future__ import annotations

import platform
from typing import Any, NamedTuple

from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from synaptic_sampling._numba import jit

__all__ = ["flush_denormals", "restore_denormals"]


class Register(NamedTuple):
    """The control register of floating-point arithmetic: its size, its functions in LLVM, and the bits to set."""

    size: int
    read: str
    write: str
    flush: int


X86 = Register(32, "llvm.x86.sse.stmxcsr", "llvm.x86.sse.ldmxcsr", 0x8040)
ARM = Register(64, "llvm.aarch64.get.fpcr", "llvm.aarch64.set.fpcr", 1 << 24)
REGISTER = {"x86_64": X86, "AMD64": X86, "aarch64": ARM, "arm64": ARM}.get(platform.machine())
FLUSH = REGISTER.flush if REGISTER else 0


def _call(builder: Any, name: str, result: Any, *arguments: Any) -> Any:
    kind = ir.FunctionType(result, [each.type for each in arguments])
    return builder.call(builder.module.declare_intrinsic(name, fnty=kind), arguments)


@intrinsic
def _read(typing_context):
    """Return the control register, 0 if it is not known."""

    def generate(context, builder, signature, args):
        if REGISTER is None:
            return ir.Constant(ir.IntType(64), 0)
        number = ir.IntType(REGISTER.size)
        if REGISTER is ARM:
            return _call(builder, REGISTER.read, number)
        place = cgutils.alloca_once(builder, number)
        _call(builder, REGISTER.read, ir.VoidType(), builder.bitcast(place, ir.IntType(8).as_pointer()))
        return builder.zext(builder.load(place), ir.IntType(64))

    return types.int64(), generate


@intrinsic
def _write(typing_context, value):
    """Set the control register, if it is known."""

    def generate(context, builder, signature, args):
        if REGISTER is ARM:
            _call(builder, REGISTER.write, ir.VoidType(), args[0])
        elif REGISTER is X86:
            place = cgutils.alloca_once(builder, ir.IntType(REGISTER.size))
            builder.store(builder.trunc(args[0], ir.IntType(REGISTER.size)), place)
            _call(builder, REGISTER.write, ir.VoidType(), builder.bitcast(place, ir.IntType(8).as_pointer()))
        return context.get_dummy_value()

    return types.none(types.int64), generate


def _flush():
    """Take denormal numbers for 0 from now on; return the setting before."""
    before = _read()
    _write(before | FLUSH)
    return before


def _restore(before):
    """Return to a setting that ``flush_denormals`` has returned."""
    _write(before)


flush_denormals = (lambda: 0) if config.DISABLE_JIT else jit(_flush)
restore_denormals = (lambda before: None) if config.DISABLE_JIT else jit(_restore)
