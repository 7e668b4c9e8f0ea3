"""A native kernel: compiled code that XLA calls for a batch of points.

XLA hands over a *call frame* (`xla/ffi/api/c_api.h`, version 0.3, that of jaxlib 0.10.2; XLA
accepts a version for at least a year). A batch is cut into chunks, which threads take one after the
other and go through tile by tile; a thread that starts late finds none left, and nothing waits for
it. The last tile of a chunk overlaps the one before it; a batch smaller than a tile is copied to
memory of the size of one.
"""

import ctypes
import functools
import hashlib
import re
import threading
from collections.abc import Sequence

import jax
import llvmlite.binding as llvm

from elimax.interpreter.errors import NotScalarError
from elimax.interpreter.native.machine import Machine, this_machine
from elimax.interpreter.native.scalar_program import CONSTANT, INPUT, ScalarProgram
from elimax.interpreter.native.vector_code import library_functions, tile_code

CALLED = 20
"""Weight of a call of a library function, in statements."""

OF_CHUNK = 1_000_000
"""Work of a chunk, statements times points: about 20 us, as much as starting a thread."""

# Offsets in bytes: in the frame 8 its extensions, 72 and 112 the buffers of arguments and results;
# in a buffer 24 its data, 40 its sizes. A frame with an extension asks for the version of the API.
#
# The last thread to leave frees %batch, since one that starts late reads it after the call has
# returned. It does not follow %ins and %outs, which were on the caller's stack: all chunks are
# taken by then.
_HANDLER = """
; The next chunk, chunks that are done, threads that may read this, chunks, points of a chunk,
; points, inputs and outputs.
%batch = type {{ i64, i64, i64, i64, i64, i64, ptr, ptr }}
declare i32 @pthread_create(ptr, ptr, ptr, ptr)
declare i32 @pthread_detach(i64)
declare i32 @sched_yield()
declare ptr @malloc(i64)
declare void @free(ptr)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
declare i64 @llvm.smin.i64(i64, i64)

define internal void @points(ptr %ins, ptr %outs, i64 %first, i64 %end) {{
entry:
  %last = sub i64 %end, {lanes}
  br label %next
next:
  %row = phi i64 [ %first, %entry ], [ %following, %next ]
  %start = call i64 @llvm.smin.i64(i64 %row, i64 %last)
  call void @tile(ptr %ins, ptr %outs, i64 %start)
  %following = add i64 %row, {lanes}
  %is_more = icmp slt i64 %following, %end
  br i1 %is_more, label %next, label %done
done:
  ret void
}}

define internal void @work(ptr %batch) {{
entry:
  %done_at = getelementptr %batch, ptr %batch, i64 0, i32 1
  %chunks_at = getelementptr %batch, ptr %batch, i64 0, i32 3
  %size_at = getelementptr %batch, ptr %batch, i64 0, i32 4
  %points_at = getelementptr %batch, ptr %batch, i64 0, i32 5
  %ins_at = getelementptr %batch, ptr %batch, i64 0, i32 6
  %outs_at = getelementptr %batch, ptr %batch, i64 0, i32 7
  %chunks = load i64, ptr %chunks_at
  %size = load i64, ptr %size_at
  %points = load i64, ptr %points_at
  %ins = load ptr, ptr %ins_at
  %outs = load ptr, ptr %outs_at
  br label %next
next:
  %k = atomicrmw add ptr %batch, i64 1 acq_rel
  %is_left = icmp slt i64 %k, %chunks
  br i1 %is_left, label %take, label %end
take:
  %first = mul i64 %k, %size
  %behind = add i64 %first, %size
  %last = call i64 @llvm.smin.i64(i64 %behind, i64 %points)
  call void @points(ptr %ins, ptr %outs, i64 %first, i64 %last)
  %unused = atomicrmw add ptr %done_at, i64 1 acq_rel
  br label %next
end:
  ret void
}}

define internal void @leave(ptr %batch) {{
  %readers_at = getelementptr %batch, ptr %batch, i64 0, i32 2
  %readers = atomicrmw sub ptr %readers_at, i64 1 acq_rel
  %is_last = icmp eq i64 %readers, 1
  br i1 %is_last, label %release, label %end
release:
  call void @free(ptr %batch)
  br label %end
end:
  ret void
}}

define internal ptr @thread(ptr %batch) {{
  call void @work(ptr %batch)
  call void @leave(ptr %batch)
  ret ptr null
}}

define ptr @{name}(ptr %frame) {{
entry:
  %ins = alloca [{num_ins} x ptr]
  %outs = alloca [{num_outs} x ptr]
  %id = alloca i64
  %extension_at = getelementptr i8, ptr %frame, i64 8
  %extension = load ptr, ptr %extension_at
  %is_call = icmp eq ptr %extension, null
  br i1 %is_call, label %call, label %metadata
metadata:
  %metadata_at = getelementptr i8, ptr %extension, i64 24
  %description = load ptr, ptr %metadata_at
  %major_at = getelementptr i8, ptr %description, i64 24
  %minor_at = getelementptr i8, ptr %description, i64 28
  store i32 0, ptr %major_at
  store i32 3, ptr %minor_at
  ret ptr null
call:
  %args_at = getelementptr i8, ptr %frame, i64 72
  %rets_at = getelementptr i8, ptr %frame, i64 112
  %args = load ptr, ptr %args_at
  %rets = load ptr, ptr %rets_at
{pointers}
  %size_buffer = load ptr, ptr %rets
  %dims_at = getelementptr i8, ptr %size_buffer, i64 40
  %dims = load ptr, ptr %dims_at
  %points = load i64, ptr %dims
  %is_tile = icmp sge i64 %points, {lanes}
  br i1 %is_tile, label %share, label %small
small:
{padded}
  ret ptr null
share:
  %filled = add i64 %points, {chunk_less_one}
  %chunks = sdiv i64 %filled, {chunk}
  %threads = call i64 @llvm.smin.i64(i64 %chunks, i64 {threads})
  %is_one = icmp slt i64 %threads, 2
  br i1 %is_one, label %alone, label %begin
alone:
  call void @points(ptr %ins, ptr %outs, i64 0, i64 %points)
  ret ptr null
begin:
  %batch = call ptr @malloc(i64 64)
  %done_at = getelementptr %batch, ptr %batch, i64 0, i32 1
  %readers_at = getelementptr %batch, ptr %batch, i64 0, i32 2
  %chunks_at = getelementptr %batch, ptr %batch, i64 0, i32 3
  %size_at = getelementptr %batch, ptr %batch, i64 0, i32 4
  %points_at = getelementptr %batch, ptr %batch, i64 0, i32 5
  %ins_at = getelementptr %batch, ptr %batch, i64 0, i32 6
  %outs_at = getelementptr %batch, ptr %batch, i64 0, i32 7
  store i64 0, ptr %batch
  store i64 0, ptr %done_at
  store i64 %threads, ptr %readers_at
  store i64 %chunks, ptr %chunks_at
  store i64 {chunk}, ptr %size_at
  store i64 %points, ptr %points_at
  store ptr %ins, ptr %ins_at
  store ptr %outs, ptr %outs_at
  br label %start
start:
  %k = phi i64 [ 1, %begin ], [ %k_next, %started ]
  %failed = call i32 @pthread_create(ptr %id, ptr null, ptr @thread, ptr %batch)
  %is_started = icmp eq i32 %failed, 0
  br i1 %is_started, label %detach, label %without
detach:
  %id_value = load i64, ptr %id
  %detached = call i32 @pthread_detach(i64 %id_value)
  br label %started
without:
  call void @leave(ptr %batch)
  br label %started
started:
  %k_next = add i64 %k, 1
  %is_more = icmp slt i64 %k_next, %threads
  br i1 %is_more, label %start, label %own
own:
  call void @work(ptr %batch)
  br label %wait
wait:
  %done = load atomic i64, ptr %done_at acquire, align 8
  %is_done = icmp sge i64 %done, %chunks
  br i1 %is_done, label %finish, label %yield
yield:
  %yielded = call i32 @sched_yield()
  br label %wait
finish:
  call void @leave(ptr %batch)
  ret ptr null
}}
"""


def target_name(program: ScalarProgram, is_batched: Sequence[bool]) -> str:
    """Compiles a program, once a process, and registers it with XLA.

    Args:
        program: The program, with at least one output.
        is_batched: For every input whether it has one row for each point, and not one for all.

    Returns:
        The name under which XLA calls it, for arguments of shapes (batch, size), or (size,) where
        they are not batched, and results of shapes (batch, size). The same for the same program.

    Raises:
        NotScalarError: If this machine or version of jaxlib cannot run it.
    """
    return _registered(program, tuple(is_batched))


@functools.lru_cache(maxsize=256)
def _registered(program: ScalarProgram, is_batched: tuple[bool, ...]) -> str:
    code, name = kernel_code(program, is_batched, this_machine())
    with _LOCK:
        if name not in _ENGINES:
            # On a symbol that it cannot find LLVM would end the process.
            for symbol in re.findall(r"^declare [^@]*@(?!llvm\.)(\w+)", code, flags=re.MULTILINE):
                if llvm.address_of_symbol(symbol) is None:
                    raise NotScalarError(f"this machine has no {symbol}, which the kernel calls")
            engine = _compiled(code)
            address = engine.get_function_address(name)
            try:
                jax.ffi.register_ffi_target(name, _capsule(address), platform="cpu")
            except Exception as error:  # What XLA raises has no public class.
                raise NotScalarError(f"this jaxlib refuses the kernel: {error}") from error
            _ENGINES[name] = engine
    return name


def kernel_code(
    program: ScalarProgram, is_batched: Sequence[bool], machine: Machine
) -> tuple[str, str]:
    """LLVM code of a whole kernel.

    Args:
        program: The program.
        is_batched: As for `target_name`.
        machine: What it is compiled for.

    Returns:
        The code, and the name of the function that XLA calls.
    """
    tile = tile_code(program, is_batched, machine)
    lanes = machine.lanes(program.dtype)
    called = set(library_functions(program))
    work = sum(
        CALLED if x.operation in called else 1
        for x in program.statements
        if x.operation not in (CONSTANT, INPUT)
    )
    work += sum(x.operation == INPUT for x in program.statements) + sum(map(len, program.outputs))
    chunk = max(lanes, OF_CHUNK // max(1, work))
    handler = _HANDLER.format(
        name=_NAMELESS,
        lanes=lanes,
        num_ins=max(1, len(program.input_sizes)),
        num_outs=len(program.outputs),
        threads=machine.threads,
        chunk=chunk,
        chunk_less_one=chunk - 1,
        pointers=_pointers(len(program.input_sizes), len(program.outputs)),
        padded=_padded(program, is_batched, lanes),
    )
    code = f"{tile}\n{handler}"
    # Named by its code, as XLA keeps the first function of a name for the whole process.
    name = f"elimax_{hashlib.sha256(code.encode()).hexdigest()[:24]}"
    return code.replace(_NAMELESS, name), name


def _pointers(num_ins: int, num_outs: int) -> str:
    """Copies the addresses of the buffers' data to arrays of pointers."""
    lines = []
    for kind, source, number in (("ins", "args", num_ins), ("outs", "rets", num_outs)):
        for k in range(number):
            name = f"{kind}{k}"
            lines += [
                f"%{name}_buffer_at = getelementptr ptr, ptr %{source}, i64 {k}",
                f"%{name}_buffer = load ptr, ptr %{name}_buffer_at",
                f"%{name}_data_at = getelementptr i8, ptr %{name}_buffer, i64 24",
                f"%{name}_data = load ptr, ptr %{name}_data_at",
                f"%{name}_to = getelementptr ptr, ptr %{kind}, i64 {k}",
                f"store ptr %{name}_data, ptr %{name}_to",
            ]
    return "\n".join(f"  {line}" for line in lines)


def _padded(program: ScalarProgram, is_batched: Sequence[bool], lanes: int) -> str:
    """Computes one tile in memory of its own; only the points that exist are copied in and out."""
    width = program.dtype.itemsize
    lines: list[str] = []

    def copy_size(name: str, size: int) -> str:
        lines.append(f"%{name}_bytes = mul i64 %points, {size * width}")
        return f"%{name}_bytes"

    read = {x.operands[0] for x in program.statements if x.operation == INPUT}
    for k, size in enumerate(program.input_sizes):
        if is_batched[k] and k in read:
            room = size * width * lanes
            lines += [
                f"%in{k}_room = alloca i8, i64 {room}, align 64",
                f"call void @llvm.memset.p0.i64(ptr %in{k}_room, i8 0, i64 {room}, i1 false)",
            ]
            number = copy_size(f"in{k}", size)
            lines += [
                f"call void @llvm.memcpy.p0.p0.i64(ptr %in{k}_room, ptr %ins{k}_data, "
                f"i64 {number}, i1 false)",
                f"store ptr %in{k}_room, ptr %ins{k}_to",
            ]
    for k, entries in enumerate(program.outputs):
        lines += [
            f"%out{k}_room = alloca i8, i64 {len(entries) * width * lanes}, align 64",
            f"store ptr %out{k}_room, ptr %outs{k}_to",
        ]
    lines.append("call void @tile(ptr %ins, ptr %outs, i64 0)")
    for k, entries in enumerate(program.outputs):
        number = copy_size(f"out{k}", len(entries))
        lines.append(
            f"call void @llvm.memcpy.p0.p0.i64(ptr %outs{k}_data, ptr %out{k}_room, "
            f"i64 {number}, i1 false)"
        )
    return "\n".join(f"  {line}" for line in lines)


_NAMELESS = "elimax_nameless"
_LOCK = threading.Lock()
# Engines own the compiled code, which XLA may call for as long as the process lives.
_ENGINES: dict[str, llvm.ExecutionEngine] = {}


def _compiled(code: str) -> llvm.ExecutionEngine:
    """Compiles code."""
    try:
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(code), _fresh_target())
        engine.finalize_object()
    except RuntimeError as error:
        raise NotScalarError(f"LLVM refuses the kernel: {error}") from error
    return engine


def _fresh_target() -> llvm.TargetMachine:
    """A new target, since an engine takes over the one that it is given."""
    return Machine().target


def _capsule(address: int) -> object:
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = (
        ctypes.py_object,
        [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p],
    )
    return new(address, None, None)
