"""The code of kernels, and what XLA and they agree on."""

import re
import threading
from pathlib import Path

import jax
import jax.numpy as jnp
import llvmlite.binding as llvm
import numpy as np
import pytest

from elimax.interpreter.errors import NotScalarError
from elimax.interpreter.native import kernel
from elimax.interpreter.native.machine import this_machine
from elimax.interpreter.native.scalar_program import INPUT, ScalarProgram
from elimax.interpreter.native.scalarise import scalar_program


def program_of(function, *arguments) -> ScalarProgram:
    """The program of a function of arrays."""
    closed = jax.make_jaxpr(function)(*arguments)
    return scalar_program(closed.jaxpr, [*closed.consts, *[None] * len(closed.in_avals)])


def called(program: ScalarProgram, flags: tuple[bool, ...], *arrays):
    """The first result of a kernel."""
    (size,) = {x.shape[0] for x, flag in zip(arrays, flags, strict=True) if flag}
    shape = jax.ShapeDtypeStruct((size, len(program.outputs[0])), program.dtype)
    return jax.jit(jax.ffi.ffi_call(kernel.target_name(program, flags), shape))(*arrays)


def test_places_in_the_call_frame_are_those_of_the_header():
    """What is read and written lies where jaxlib says, in the version that is reported."""
    header = Path(jax.ffi.include_dir(), "xla", "ffi", "api", "c_api.h").read_text()
    assert re.search(r"#define XLA_FFI_API_MAJOR 0\n", header)
    minor = re.search(r"#define XLA_FFI_API_MINOR (\d+)\n", header)
    assert minor is not None and int(minor.group(1)) >= 3

    def fields(name: str) -> list[str]:
        body = re.search(rf"struct {name} {{\n(.*?)\n}};", header, flags=re.DOTALL)
        assert body is not None
        text = re.sub(r"//.*", "", body.group(1))
        return [words.split()[-1] for words in text.replace("\n", " ").split(";") if words.strip()]

    # Pointers and sizes take 8 bytes; stage, dtype and type 4, and 4 of padding. Two structures
    # before the results: 5 * 8 bytes and 5 * 8 bytes.
    assert fields("XLA_FFI_CallFrame")[:7] == [
        *("struct_size", "extension_start", "api", "ctx", "stage", "args", "rets")
    ]
    assert fields("XLA_FFI_Args") == ["struct_size", "extension_start", "size", "types", "args"]
    assert fields("XLA_FFI_Rets") == ["struct_size", "extension_start", "size", "types", "rets"]
    assert fields("XLA_FFI_Buffer") == [
        *("struct_size", "extension_start", "dtype", "data", "rank", "dims")
    ]
    assert fields("XLA_FFI_Metadata_Extension") == ["extension_base", "metadata"]
    assert fields("XLA_FFI_Metadata")[:2] == ["struct_size", "api_version"]
    assert fields("XLA_FFI_Api_Version") == [
        *("struct_size", "extension_start", "major_version", "minor_version")
    ]


def test_the_same_program_has_one_kernel():
    """In this process and, by its name, in every other one on such a machine."""
    first = program_of(lambda x: x * 2 + 1, jnp.ones(2))
    second = program_of(lambda x: x * 2 + 1, jnp.ones(2))
    assert kernel.target_name(first, (True,)) == kernel.target_name(second, (True,))
    machine = this_machine()
    assert kernel.kernel_code(first, (True,), machine) == kernel.kernel_code(
        second, (True,), machine
    )
    assert kernel.target_name(first, (True,)) != kernel.target_name(first, (False,))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 8, 11])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_of_all_lengths(size: int, dtype):
    """Columns are transposed in fours or twos, the last ones overlap."""
    with jax.enable_x64(True):
        program = program_of(lambda x: 2 * x[::-1], jnp.ones(size, dtype))
        x = jnp.arange(100 * size, dtype=dtype).reshape(100, size)
        np.testing.assert_array_equal(called(program, (True,), x), 2 * x[:, ::-1])


def test_unused_inputs_are_not_read():
    """A program that needs no input has constant outputs."""
    program = program_of(lambda x, y: jnp.stack([y[1], jnp.float32(3)]), jnp.ones(2), jnp.ones(3))
    assert [x.operands for x in program.statements if x.operation == INPUT] == [(1, 1)]
    for points in (40, 2):
        found = called(program, (True, False), jnp.ones((points, 2)), jnp.arange(3.0))
        np.testing.assert_array_equal(found, [[1.0, 3.0]] * points)


def test_no_name_is_registered_twice():
    """By several threads, after the memory of names is full, with constants that equal nothing."""
    program = program_of(lambda x: jnp.where(x > 0, jnp.log(x), jnp.nan), jnp.ones(2))
    names: list[str] = []
    threads = [
        threading.Thread(target=lambda: names.append(kernel.target_name(program, (True,))))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kernel._registered.cache_clear()
    again = program_of(lambda x: jnp.where(x > 0, jnp.log(x), jnp.nan), jnp.ones(2))
    assert again == program and len({*names, kernel.target_name(again, (True,))}) == 1


def test_results_do_not_depend_on_the_number_of_threads(monkeypatch):
    """Every point is computed on its own."""
    program = program_of(lambda x: jnp.sin(x) * x[0], jnp.ones(3))
    x = jnp.asarray(np.random.default_rng(0).normal(size=(30_000, 3)), jnp.float32)
    expected = called(program, (True,), x)
    machine = this_machine()
    for threads in (1, 7):
        monkeypatch.setattr(machine, "threads", threads)
        kernel._registered.cache_clear()
        np.testing.assert_array_equal(called(program, (True,), x), expected)


def test_functions_without_vectors_are_called_lane_by_lane(monkeypatch):
    """On machines without a library of vector functions."""
    program = program_of(lambda x: jnp.sin(x) + jnp.arctan2(x, 1 + x), jnp.ones(2))
    x = jnp.linspace(0, 1, 80, dtype=jnp.float32).reshape(40, 2)
    by_vectors = called(program, (True,), x)
    monkeypatch.setattr(this_machine(), "letter", "")
    code, _ = kernel.kernel_code(program, (True,), this_machine())
    assert "@sinf(float" in code and "_ZGV" not in code
    np.testing.assert_allclose(by_vectors, jnp.sin(x) + jnp.arctan2(x, 1 + x), rtol=1e-6)
    np.testing.assert_allclose(called(program, (True,), x), by_vectors, rtol=1e-6)


def test_a_jaxlib_that_refuses_kernels(monkeypatch):
    """Is an error of ours, and nothing is kept of the kernel."""

    def refuse(*_, **__):
        raise RuntimeError("unsupported version")

    monkeypatch.setattr(jax.ffi, "register_ffi_target", refuse)
    program = program_of(lambda x: x * 1.2345, jnp.ones(7))
    with pytest.raises(NotScalarError, match="this jaxlib refuses the kernel: unsupported version"):
        kernel.target_name(program, (True,))
    monkeypatch.undo()
    assert kernel.target_name(program, (True,)).startswith("elimax_")


def test_code_that_llvm_refuses_is_an_error_of_ours():
    """Not a RuntimeError of a package that nobody has heard of."""
    with pytest.raises(NotScalarError, match="LLVM refuses the kernel"):
        kernel._compiled("nonsense")


def test_a_function_that_is_missing_ends_nothing(monkeypatch):
    """LLVM would abort the process; here it is an error that names the function."""
    monkeypatch.setattr(this_machine(), "letter", "")
    found = llvm.address_of_symbol
    monkeypatch.setattr(llvm, "address_of_symbol", lambda x: None if x == "cbrtf" else found(x))
    with pytest.raises(NotScalarError, match="has no cbrtf"):
        kernel.target_name(program_of(jnp.cbrt, jnp.ones(5)), (True,))


def test_the_code_is_valid():
    """For vectors of every width."""
    program = program_of(lambda x: jnp.exp(x[:4] @ x[4:]) * x, jnp.ones(8))
    machine = this_machine()
    width = machine.vector_bytes
    try:
        for machine.vector_bytes in (16, 32, 64):
            code, _ = kernel.kernel_code(program, (True,), machine)
            llvm.parse_assembly(code).verify()
    finally:
        machine.vector_bytes = width
