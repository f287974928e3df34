"""How kernels and the functions inside them go through numba's compiler.

numba makes every function ready to be called by itself: machine code, one wrapper for Python and
one for C. Functions that are only called from kernels need none of these. What they have in the
compiler's own language is linked into the kernels and optimised as ever, so the kernels' machine
code is the same.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler, CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.typed_passes import NativeLowering


class KernelCompiler(Compiler):
    """numba's compiler without garbage collection: what it makes lives until it has done."""

    def compile_extra(self, func: Callable[..., Any]) -> Any:
        """Compile a function, and the functions that it calls."""
        enabled = gc.isenabled()
        gc.disable()
        try:
            return super().compile_extra(func)
        finally:
            if enabled:
                gc.enable()


class InnerCompiler(CompilerBase):
    """Compiles a function to be linked into kernels, and for nothing else."""

    def define_pipelines(self) -> list[Any]:
        """Return numba's passes with another last step."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.passes = [
            (_InnerLowering, text) if each is NativeLowering else (each, text)
            for each, text in passes.passes
        ]
        passes.finalize()
        return [passes]


class _InnerLibrary(JITCodeLibrary):
    """Optimised code without machine code."""

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout
        for function in ll_module.functions:
            if not function.is_declaration:  # most are, and nothing can be done for them
                passes, builder = self._codegen._function_pass_manager()
                passes.run(function, builder)

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class _InnerLowering(NativeLowering):
    _name = "inner_lowering"

    def run_pass(self, state: Any) -> bool:
        state.library = _InnerLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        state.flags.no_compile = True
        try:
            super().run_pass(state)
        finally:
            state.flags.no_compile = False
        state.library._ensure_finalized()
        lowered = state["cr"]
        # numba knows a function by its entry point, which must be a function in C. This one is
        # different for each description, and raises a TypeError if it is called with arrays.
        entry_point = lowered.fndesc.__format__
        state.targetctx.insert_user_function(entry_point, lowered.fndesc, [state.library])
        state["cr"] = lowered._replace(cfunc=entry_point)
        return True
