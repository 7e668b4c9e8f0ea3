"""The primitive that calls a kernel, where one can run.

That is known when a program is compiled: a kernel is code in this process's memory, for one CPU.
Programs that are exported, or that run on several devices or not on a CPU, run the program that the
kernel would be compiled from instead.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.core
import jax.extend.core as jex
from jax.interpreters import mlir

from elimax.interpreter.errors import NotScalarError
from elimax.interpreter.native.scalar_program import ScalarProgram


@dataclasses.dataclass(frozen=True)
class KernelCall:
    """A kernel for a batch.

    Attributes:
        program: What it computes for a point.
        is_batched: For every input whether it has one row for each point, and not one for all.
        size: Number of points.
        plain: Computes the same, of the same arrays, without a kernel.
    """

    program: ScalarProgram
    is_batched: tuple[bool, ...]
    size: int
    plain: Callable[..., Sequence[Any]] = dataclasses.field(compare=False)

    def __repr__(self) -> str:
        return f"{len(self.program.statements)} statements, {self.size} points"

    def bind(self, *arrays: Any) -> list[Any]:
        """Calls the kernel in whatever trace is current.

        Args:
            *arrays: Shape (size, n) where they are batched, (n,) where not.

        Returns:
            The results of the program, each of shape (size, number of its entries).
        """
        return kernel_call.bind(*arrays, call=self)


def are_kernels_called() -> bool:
    """Whether the surrounding trace may call kernels.

    Returns:
        False under a mesh of devices, whose axes a kernel knows nothing about; else True.
    """
    return bool(jax.sharding.get_abstract_mesh().empty)


kernel_call = jex.Primitive("kernel_call")
kernel_call.multiple_results = True


@functools.lru_cache(maxsize=256)
def _compiled(call: KernelCall) -> Callable[..., list[Any]]:
    return jax.jit(call.bind)


@kernel_call.def_impl
def _outside_of_jit(*arrays: Any, call: KernelCall) -> list[Any]:
    with jax.disable_jit(False):  # Only compiled programs can call a kernel.
        return _compiled(call)(*arrays)


@kernel_call.def_abstract_eval
def _shapes(*_: Any, call: KernelCall) -> list[Any]:
    dtype = call.program.dtype
    return [jax.core.ShapedArray((call.size, len(x)), dtype) for x in call.program.outputs]


def _without_kernel(*arrays: Any, call: KernelCall) -> Sequence[Any]:
    return call.plain(*arrays)


_lowered_without_kernel = mlir.lower_fun(_without_kernel, multiple_results=True)


def _lowered(context: mlir.LoweringRuleContext, *operands: Any, call: KernelCall) -> Any:
    """The lowering for CPUs."""
    if _is_for_this_process(context.module_context):
        from elimax.interpreter.native.kernel import target_name

        try:
            name = target_name(call.program, call.is_batched)
        except NotScalarError:  # A function is missing here, or this jaxlib refuses kernels.
            pass
        else:
            return jax.ffi.ffi_lowering(name)(context, *operands)
    return _lowered_without_kernel(context, *operands, call=call)


def _is_for_this_process(module: mlir.ModuleContext) -> bool:
    """Whether a program is compiled for one device, to be run where it is compiled."""
    axes = module.axis_context
    is_on_one = isinstance(axes, mlir.ShardingContext) and axes.num_devices == 1
    return is_on_one and not module.lowering_parameters.for_export


mlir.register_lowering(kernel_call, _lowered_without_kernel)
mlir.register_lowering(kernel_call, _lowered, platform="cpu")
