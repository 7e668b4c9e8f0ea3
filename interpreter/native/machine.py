"""What native kernels are compiled for: vectors, and functions of whole vectors.

The C library of Linux has sines and exponentials of vectors (libmvec, glibc 2.22 and newer, more of
them from 2.35 on); functions that it lacks are called lane by lane.
"""

import functools
import os
import platform

import llvmlite.binding as llvm
import numpy as np

# Letters by which libmvec names sets of instructions, and the bytes of their vectors.
_X86 = {"avx512f": ("e", 64), "avx2": ("d", 32)}
_X86_LEAST = ("b", 16)
_ARM = ("n", 16)


class Machine:
    """A processor and its library of functions.

    Attributes:
        target: What compiles for it.
        vector_bytes: Bytes of its widest vectors.
        letter: Letter of its instructions in names of libmvec; empty without that library.
        threads: Processors that this process may use.
    """

    def __init__(self) -> None:
        """Finds out what this machine has."""
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        features = llvm.get_host_cpu_features()
        self.target = llvm.Target.from_default_triple().create_target_machine(
            cpu=llvm.get_host_cpu_name(), features=features.flatten(), opt=2, jit=True
        )
        if platform.machine().lower() in ("x86_64", "amd64"):
            found = (value for name, value in _X86.items() if features.get(name))
            self.letter, self.vector_bytes = next(found, _X86_LEAST)
        else:
            self.letter, self.vector_bytes = _ARM
        try:
            llvm.load_library_permanently("libmvec.so.1")
        except RuntimeError:
            self.letter = ""
        affinity = getattr(os, "sched_getaffinity", None)
        self.threads = len(affinity(0)) if affinity else os.cpu_count() or 1

    def lanes(self, dtype: np.dtype) -> int:
        """How many numbers a vector holds."""
        return self.vector_bytes // dtype.itemsize

    def vector_function(self, operation: str, operands: int, dtype: np.dtype) -> str | None:
        """Name of the function of whole vectors, if there is one.

        Args:
            operation: Name of the function of one number in C, without a letter for its type.
            operands: Number of its arguments.
            dtype: float32 or float64.

        Returns:
            The name of a function that can be called; None if there is none.
        """
        suffix = "f" if dtype == np.float32 else ""
        name = f"_ZGV{self.letter}N{self.lanes(dtype)}{'v' * operands}_{operation}{suffix}"
        return name if self.letter and llvm.address_of_symbol(name) else None


@functools.cache
def this_machine() -> Machine:
    """The machine that this process runs on."""
    return Machine()
