"""LLVM code of a program of single numbers, for as many points at once as a vector has lanes.

A *tile* is as many consecutive points as a vector has lanes; each statement is computed for all
points of a tile, so that every value stays in a register or in the first cache. Inputs and outputs
are arrays with one row per point; columns are transposed in registers, as many at once as a vector
has lanes if there are so many, so that whole cache lines are written.
"""

import dataclasses
import struct
from collections.abc import Sequence

import numpy as np

from elimax.interpreter.native.machine import Machine
from elimax.interpreter.native.scalar_program import (
    BINARY,
    COMPARISONS,
    CONSTANT,
    INPUT,
    LOGIC,
    SELECT,
    UNARY,
    ScalarProgram,
    Statement,
)

_INFIX = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv"}
# With the flag `contract` LLVM may join a product and a sum to one operation, which rounds once.
_JOINED = frozenset({"add", "sub", "mul"})
_INTRINSICS = {
    "abs": "fabs",
    "sqrt": "sqrt",
    "floor": "floor",
    "ceil": "ceil",
    "roundeven": "roundeven",
}
# Entries of an output from which on its columns are written by a shared function: twice as much
# code in one function takes LLVM four times as long.
_MANY = 32
_PREDICATES = {"lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge", "eq": "oeq", "ne": "une"}


def library_functions(program: ScalarProgram) -> tuple[str, ...]:
    """Names of the operations that call a function of a library."""
    own = {*_INFIX, *_INTRINSICS, "neg", "max", "min", *COMPARISONS, *LOGIC}
    used = {x.operation for x in program.statements} - {CONSTANT, INPUT, SELECT} - own
    return tuple(sorted(used & {*UNARY, *BINARY}))


def tile_code(program: ScalarProgram, is_batched: Sequence[bool], machine: Machine) -> str:
    """The function that computes one tile.

    Args:
        program: The program.
        is_batched: For every input whether it has one row for each point, and not one for all.
        machine: What it is compiled for.

    Returns:
        Text of the function `@tile(ptr ins, ptr outs, i64 row)`, the points from `row` on, and of
        what it declares.
    """
    return _Tile(program, tuple(is_batched), machine).text()


@dataclasses.dataclass
class _Tile:
    """Writes the function, line by line."""

    program: ScalarProgram
    is_batched: tuple[bool, ...]
    machine: Machine

    def __post_init__(self) -> None:
        self.scalar = "float" if self.program.dtype == np.float32 else "double"
        self.bytes = self.program.dtype.itemsize
        self.lanes = self.machine.lanes(self.program.dtype)
        self.vector = f"<{self.lanes} x {self.scalar}>"
        self.truth = f"<{self.lanes} x i1>"
        self.lines: list[str] = []
        self.declared: set[str] = set()
        self.writers: dict[str, str] = {}
        self.values: dict[int, str] = {}
        self._names = 0

    def text(self) -> str:
        self._load_inputs()
        for number, statement in enumerate(self.program.statements):
            if statement.operation != INPUT:
                self.values[number] = self._statement(statement)
        for array, entries in enumerate(self.program.outputs):
            self._store_output(array, entries)
        body = "\n".join(f"  {line}" for line in self.lines)
        head = "define internal void @tile(ptr noalias %ins, ptr noalias %outs, i64 %row)"
        others = [*sorted(self.declared), *self.writers.values()]
        return "\n".join([*others, f"{head} {{", body, "  ret void", "}"])

    # Values.

    def _statement(self, x: Statement) -> str:
        if x.operation == CONSTANT:
            return self._constant(x)
        operands = [self.values[k] for k in x.operands]
        if x.operation == SELECT:
            which, *cases = operands
            kind = self.truth if x.is_truth else self.vector
            return self._new(f"select {self.truth} {which}, {kind} {cases[0]}, {kind} {cases[1]}")
        if x.operation in LOGIC:
            return self._new(f"{x.operation} {self.truth} {operands[0]}, {operands[1]}")
        if x.operation in COMPARISONS:
            return self._compared(_PREDICATES[x.operation], *operands)
        if x.operation in _INFIX:
            flags = " contract" if x.operation in _JOINED else ""
            instruction = f"{_INFIX[x.operation]}{flags} {self.vector}"
            return self._new(f"{instruction} {operands[0]}, {operands[1]}")
        if x.operation == "neg":
            return self._new(f"fneg {self.vector} {operands[0]}")
        if x.operation in ("max", "min"):
            return self._extreme("ogt" if x.operation == "max" else "olt", *operands)
        if x.operation in _INTRINSICS:
            name = f"@llvm.{_INTRINSICS[x.operation]}.v{self.lanes}f{8 * self.bytes}"
            return self._called(name, operands)
        return self._library_call(x.operation, operands)

    def _constant(self, x: Statement) -> str:
        if x.is_truth:
            return f"splat (i1 {str(x.value).lower()})"
        bits = struct.unpack(">Q", struct.pack(">d", float(x.value)))[0]
        return f"splat ({self.scalar} 0x{bits:016X})"

    def _compared(self, predicate: str, x: str, y: str) -> str:
        return self._new(f"fcmp {predicate} {self.vector} {x}, {y}")

    def _extreme(self, predicate: str, x: str, y: str) -> str:
        """The larger or the smaller one; nan if either is."""
        # If only y is nan, ordered comparison is false and selects y.
        is_first = self._compared(predicate, x, y)
        is_nan = self._compared("uno", x, x)
        which = self._new(f"or {self.truth} {is_first}, {is_nan}")
        return self._new(f"select {self.truth} {which}, {self.vector} {x}, {self.vector} {y}")

    def _called(self, name: str, operands: Sequence[str]) -> str:
        kinds = ", ".join([self.vector] * len(operands))
        self.declared.add(f"declare {self.vector} {name}({kinds})")
        given = ", ".join(f"{self.vector} {x}" for x in operands)
        return self._new(f"call {self.vector} {name}({given})")

    def _library_call(self, operation: str, operands: Sequence[str]) -> str:
        vector_name = self.machine.vector_function(operation, len(operands), self.program.dtype)
        if vector_name is not None:
            return self._called(f"@{vector_name}", operands)
        name = operation + ("f" if self.scalar == "float" else "")
        kinds = ", ".join([self.scalar] * len(operands))
        self.declared.add(f"declare {self.scalar} @{name}({kinds})")
        result = "poison"
        for lane in range(self.lanes):
            entries = [self._lane(x, lane) for x in operands]
            given = ", ".join(f"{self.scalar} {x}" for x in entries)
            value = self._new(f"call {self.scalar} @{name}({given})")
            result = self._with_lane(result, value, lane)
        return result

    # Inputs and outputs.

    def _load_inputs(self) -> None:
        entries: dict[int, dict[int, int]] = {}
        for number, x in enumerate(self.program.statements):
            if x.operation == INPUT:
                array, entry = x.operands
                entries.setdefault(array, {})[entry] = number
        for array, numbers in entries.items():
            size, base = self.program.input_sizes[array], self._array("%ins", array)
            columns: dict[int, str] = {}
            if not self.is_batched[array]:
                columns = {k: self._splat(self._load_entry(base, k)) for k in numbers}
            elif size == 1:
                place = self._place(base, "%row")
                columns[0] = self._new(f"load {self.vector}, ptr {place}, align {self.bytes}")
            else:
                rows = self._rows(self._first(base, size), size)
                for group in self._groups(size):
                    if not set(group).isdisjoint(numbers):
                        columns.update(zip(group, self._load_columns(rows, group), strict=True))
            for entry, number in numbers.items():
                self.values[number] = columns[entry]

    def _store_output(self, array: int, entries: Sequence[int]) -> None:
        size, base = len(entries), self._array("%outs", array)
        if size == 1:
            self._store(self.vector, self._number(entries[0]), self._place(base, "%row"))
        if size <= 1:
            return
        first = self._first(base, size)
        rows = self._rows(first, size)
        for group in self._groups(size):
            values = [self._number(entries[k]) for k in group]
            if size < _MANY:
                self._store_columns(rows, group, values)
            else:
                given = ", ".join(f"{self.vector} {value}" for value in values)
                place = self._place(first, str(group[0]))
                name = self._writer(size, len(group))
                self.lines.append(f"call void @{name}({given}, ptr {place})")

    def _writer(self, size: int, width: int) -> str:
        """Name of a function that writes some columns of an output of a size."""
        name = f"write_{width}_of_{size}"
        if name not in self.writers:
            lines, self.lines = self.lines, []
            values = [f"%v{k}" for k in range(width)]
            self._store_columns(self._rows("%first", size), range(width), values)
            body = "\n".join(f"  {line}" for line in self.lines)
            self.lines = lines
            taken = ", ".join(f"{self.vector} {value}" for value in values)
            head = f"define internal void @{name}({taken}, ptr %first) noinline"
            self.writers[name] = f"{head} {{\n{body}\n  ret void\n}}"
        return name

    def _number(self, statement: int) -> str:
        """A value as a number; truth values are 0 and 1."""
        x = self.values[statement]
        if not self.program.statements[statement].is_truth:
            return x
        return self._new(f"uitofp {self.truth} {x} to {self.vector}")

    def _groups(self, size: int) -> list[range]:
        """Columns that are transposed at once: as many as a vector has lanes, then half, and so on.

        The last group overlaps the one before it if it would fill less than 16 bytes.
        """
        least = 16 // self.bytes
        if size < least:
            return [range(k, k + 1) for k in range(size)]
        groups, first, width = [], 0, self.lanes
        while width >= least:
            if first + width <= size:
                groups.append(range(first, first + width))
                first += width
            else:
                width //= 2
        return [*groups, range(size - least, size)] if first < size else groups

    def _array(self, arrays: str, number: int) -> str:
        place = self._new(f"getelementptr ptr, ptr {arrays}, i64 {number}")
        return self._new(f"load ptr, ptr {place}")

    def _first(self, base: str, size: int) -> str:
        """Where the tile begins in an array."""
        return self._place(base, self._new(f"mul i64 %row, {size}"))

    def _rows(self, first: str, size: int) -> list[str]:
        """Where the rows of a tile begin."""
        return [self._place(first, str(lane * size)) for lane in range(self.lanes)]

    def _place(self, base: str, offset: str) -> str:
        return self._new(f"getelementptr {self.scalar}, ptr {base}, i64 {offset}")

    def _load_entry(self, base: str, column: int) -> str:
        place = self._place(base, str(column))
        return self._new(f"load {self.scalar}, ptr {place}, align {self.bytes}")

    def _load_columns(self, rows: Sequence[str], group: Sequence[int]) -> list[str]:
        width = len(group)
        if width == 1:
            result = "poison"
            for lane, row in enumerate(rows):
                result = self._with_lane(result, self._load_entry(row, group[0]), lane)
            return [result]
        kind = f"<{width} x {self.scalar}>"
        parts = []
        for row in rows:
            place = self._place(row, str(group[0]))
            parts.append(self._new(f"load {kind}, ptr {place}, align {self.bytes}"))
        # Row l * width + j goes to part l of the j-th vector.
        joined = [self._joined(parts[j::width], width) for j in range(width)]
        return self._transposed(joined)

    def _store_columns(
        self, rows: Sequence[str], group: Sequence[int], values: Sequence[str]
    ) -> None:
        width = len(group)
        if width == 1:
            for lane, row in enumerate(rows):
                entry = self._lane(values[0], lane)
                self._store(self.scalar, entry, self._place(row, str(group[0])))
            return
        kind = f"<{width} x {self.scalar}>"
        for j, vector in enumerate(self._transposed(values)):
            for part_number in range(self.lanes // width):
                lanes = [part_number * width + k for k in range(width)]
                part = self._shuffled(self.vector, vector, "poison", lanes)
                row = rows[part_number * width + j]
                self._store(kind, part, self._place(row, str(group[0])))

    def _transposed(self, vectors: Sequence[str]) -> list[str]:
        """Transposes squares of as many lanes as there are vectors, by halves that interleave."""
        found, half = list(vectors), len(vectors) // 2
        for _ in range(len(vectors).bit_length() - 1):
            found = [
                self._interleaved(found[k], found[k + half], 2 * half, first)
                for k in range(half)
                for first in (0, half)
            ]
        return found

    def _interleaved(self, x: str, y: str, width: int, first: int) -> str:
        """Lanes of two vectors in turns, half a square of each, from `first` on in every square."""
        starts = range(first, self.lanes, width)
        lanes = [k for start in starts for k in range(start, start + width // 2)]
        mask = [place for k in lanes for place in (k, self.lanes + k)]
        return self._shuffled(self.vector, x, y, mask)

    def _joined(self, parts: Sequence[str], width: int) -> str:
        """Puts vectors one after the other."""
        parts = list(parts)
        while len(parts) > 1:
            kind = f"<{width} x {self.scalar}>"
            parts = [
                self._shuffled(kind, x, y, list(range(2 * width)))
                for x, y in zip(parts[::2], parts[1::2], strict=True)
            ]
            width *= 2
        return parts[0]

    def _shuffled(self, kind: str, x: str, y: str, lanes: Sequence[int]) -> str:
        mask = ", ".join(f"i32 {lane}" for lane in lanes)
        return self._new(f"shufflevector {kind} {x}, {kind} {y}, <{len(lanes)} x i32> <{mask}>")

    def _lane(self, vector: str, lane: int) -> str:
        return self._new(f"extractelement {self.vector} {vector}, i32 {lane}")

    def _with_lane(self, vector: str, value: str, lane: int) -> str:
        return self._new(f"insertelement {self.vector} {vector}, {self.scalar} {value}, i32 {lane}")

    def _splat(self, value: str) -> str:
        first = self._with_lane("poison", value, 0)
        return self._shuffled(self.vector, first, "poison", [0] * self.lanes)

    def _store(self, kind: str, value: str, place: str) -> None:
        self.lines.append(f"store {kind} {value}, ptr {place}, align {self.bytes}")

    def _new(self, instruction: str) -> str:
        self._names += 1
        self.lines.append(f"%t{self._names} = {instruction}")
        return f"%t{self._names}"
