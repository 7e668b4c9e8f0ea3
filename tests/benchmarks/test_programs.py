"""Compiling several functions at a time, and what the programs launch."""

import time
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from benchmarks.cases import Settings
from benchmarks.programs import build_all, count_kernels, describe

HLO = """\
HloModule jit_f, is_scheduled=true, entry_computation_layout={(f32[8]{0})->(f32[8]{0}, f32[])}

%add (x: f32[], y: f32[]) -> f32[] {
  %x = f32[] parameter(0)
  %y = f32[] parameter(1)
  ROOT %sum = f32[] add(%x, %y)
}

%fused (param: f32[8]) -> f32[8] {
  %param = f32[8]{0} parameter(0)
  %sine = f32[8]{0} sine(%param)
  ROOT %twice = f32[8]{0} add(%sine, %sine)
}

%command_buffer (p: f32[8]) -> (f32[8], f32[8]) {
  %p = f32[8]{0} parameter(0)
  %loop_fusion.1 = f32[8]{0} fusion(%p), kind=kLoop, calls=%fused
  %gemm.2 = (f32[8]{0}, s8[64]{0}) custom-call(%p, %p), custom_call_target="__cublas$gemm"
  %get-tuple-element.5 = f32[8]{0} get-tuple-element(%gemm.2), index=0
  ROOT %tuple.1 = (f32[8]{0}, /*index=1*/f32[8]{0}) tuple(%loop_fusion.1, %get-tuple-element.5)
}

%body (p.1: (s32[], f32[8])) -> (s32[], f32[8]) {
  %p.1 = (s32[], f32[8]{0}) parameter(0)
  %i = s32[] get-tuple-element(%p.1), index=0
  %v = f32[8]{0} get-tuple-element(%p.1), index=1
  %fusion.2 = f32[8]{0} fusion(%v), kind=kLoop, calls=%fused
  %copy.1 = s32[] copy(%i)
  ROOT %tuple.2 = (s32[], f32[8]{0}) tuple(%copy.1, %fusion.2)
}

%condition (p.2: (s32[], f32[8])) -> pred[] {
  %p.2 = (s32[], f32[8]{0}) parameter(0)
  %j = s32[] get-tuple-element(%p.2), index=0
  ROOT %less = pred[] fusion(%j), kind=kLoop, calls=%compare
}

ENTRY %main.9 (Arg_0.1: f32[8]) -> (f32[8], f32[]) {
  %Arg_0.1 = f32[8]{0} parameter(0), metadata={op_name="x = (1)"}
  %constant.3 = s32[] constant(0)
  %call = (f32[8]{0}, f32[8]{0}) call(%Arg_0.1), to_apply=%command_buffer
  %get-tuple-element.1 = f32[8]{0} get-tuple-element(%call), index=0
  %bitcast.1 = f32[2,4]{1,0} bitcast(%get-tuple-element.1)
  %start = ((f32[2,4]{1,0}), f32[8]{0}) copy-start(%bitcast.1)
  %done = f32[8]{0} copy-done(%start)
  %tuple.3 = (s32[], f32[8]{0}) tuple(%constant.3, %done)
  %while = (s32[], f32[8]{0}) while(%tuple.3), condition=%condition, body=%body%TRIPS%
  %get-tuple-element.2 = f32[8]{0} get-tuple-element(%while), index=1
  %which = f32[8]{0} conditional(%constant.3, %done, %done), branch_computations={%fused, %body}
  %reduce = f32[] reduce(%get-tuple-element.2, %constant.3), dimensions={0}, to_apply=%add
  ROOT %tuple.4 = (f32[8]{0}, f32[]) tuple(%get-tuple-element.2, %reduce)
}
"""


@pytest.mark.parametrize(
    ("trips", "loop"), [("", 3), (', backend_config={"known_trip_count":{"n":"5"}}', 15)]
)
def test_counts_launches_of_a_known_program(trips: str, loop: int) -> None:
    """A command buffer is opened, a loop repeated, the longest branch taken, a pair is one."""
    command_buffer, pair, branch, reduction = 2, 1, 2, 1
    expected = command_buffer + pair + loop + branch + reduction
    assert count_kernels(HLO.replace("%TRIPS%", trips)) == expected


def test_names_without_percent_signs() -> None:
    """Newer compilers write names as they are."""
    assert count_kernels(HLO.replace("%TRIPS%", "").replace("%", "")) == 9


def test_describes_a_compiled_program() -> None:
    """What JAX compiles here is one elementwise kernel of eight numbers."""
    compiled = jax.jit(lambda x: jnp.sin(x) * 2.0 + 1.0).lower(jnp.ones(8)).compile()
    facts = describe(compiled)
    assert facts["kernels"] == 1 and facts["output_bytes"] == 32
    assert facts["temp_bytes"] is not None and facts["flops"] is not None


def test_a_device_that_tells_nothing() -> None:
    """None stands for what is not known."""

    class Silent:
        def as_text(self) -> str:
            raise NotImplementedError

        memory_analysis = cost_analysis = as_text

    assert set(describe(Silent()).values()) == {None}


QUICK = Settings(builds=1, compilers=2)


def test_failures_are_told_in_one_line() -> None:
    """A function that cannot be traced does not stop the others."""

    def broken(x: Any) -> Any:
        raise ValueError("no\nsuch thing")

    makers = {"broken": lambda: broken, "sine": lambda: jnp.sin}
    builds, failed = build_all(makers, (jnp.ones(3),), QUICK, twice="broken")
    assert failed == {"broken": "ValueError: no such thing"} and set(builds) == {"sine"}
    assert builds["sine"].executables[0](jnp.zeros(3)).sum() == 0.0


def test_a_compilation_that_hangs_is_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits longer than wanted."""
    monkeypatch.setattr("benchmarks.programs._compile", lambda lowered, x64: time.sleep(0.5))
    settings = Settings(builds=1, compile_seconds=0.01)
    _, failed = build_all({"f": lambda: jnp.sin}, (jnp.ones(3),), settings)
    assert failed == {"f": "not compiled within 0.01 s"}


def test_every_round_traces_and_compiles_anew() -> None:
    """With empty caches, so that what two functions share is traced for each of them."""
    traced = 0

    @jax.jit
    def shared(x: Any) -> Any:
        nonlocal traced
        traced += 1
        return jnp.sin(x)

    makers = {name: lambda: lambda x: shared(x) for name in ("f", "g")}
    builds, failed = build_all(makers, (jnp.ones(3),), Settings(builds=3))
    assert not failed and traced == 2 * 3
    for build in builds.values():
        assert len(build.trace_seconds) == len(build.compile_seconds) == 3
        assert min(build.trace_seconds + build.compile_seconds) > 0
        first, second = build.executables
        assert first is not second


def test_null_comparison_needs_two_builds() -> None:
    """With one round, one function is compiled once more, the others are not."""
    makers = {name: lambda: lambda x: jnp.sin(x) for name in ("f", "g")}
    builds, _ = build_all(makers, (jnp.ones(3),), QUICK, twice="f")
    assert {name: len(build.executables) for name, build in builds.items()} == {"f": 2, "g": 1}


def test_slow_builds_are_not_repeated() -> None:
    """When a round takes longer than the time of a case, it was the last."""
    settings = Settings(builds=5, case_seconds=0.0)
    builds, _ = build_all({"f": lambda: jnp.sin}, (jnp.ones(3),), settings)
    assert len(builds["f"].trace_seconds) == 1
