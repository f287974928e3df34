"""The cache of compiled kernels: private, and never fatal."""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba.core.errors import TypingError

import fit_image
from fit_image.nn.runtime.jit import kernel
from fit_image.nn.runtime.target import vector_width

KERNEL = """
from fit_image.nn.runtime.jit import kernel, on_compile


@kernel
def answer():
    return 42


compiled = []
with on_compile(lambda: compiled.append(1)):
    answer()
found = "compiled" if compiled else "cached"
if __name__ == "__main__":
    print(found)
"""


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def use_kernel(cache, monkeypatch):
    """Run the program of one kernel in this process, and return what it finds in the cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    program = cache.parent / "program.py"

    def use(code=KERNEL):
        program.write_text(code)
        return runpy.run_path(str(program))["found"]

    return use


def warm_up(cache, code=KERNEL, **variables):
    """Run a program of one kernel with a cache in a process, and return what it prints."""
    environment = os.environ | {"XDG_CACHE_HOME": str(cache)} | variables
    environment.pop("NUMBA_CACHE_DIR", None)
    program = cache.parent / "program.py"
    if not program.exists() or program.read_text() != code:
        program.write_text(code)
    done = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


def files(cache, suffix):
    return sorted(cache.rglob(f"*{suffix}"))


def test_the_second_process_finds_the_first_ones_code(cache):
    assert warm_up(cache) == "compiled"
    # A copy of the sources at another time is the same.
    os.utime(cache.parent / "program.py", (1, 1))
    assert warm_up(cache) == "cached"
    assert all(path.parent.stat().st_mode & 0o077 == 0 for path in files(cache, ".nbc"))


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped"])
def test_a_damaged_cache_is_made_anew(cache, use_kernel, damage):
    use_kernel()
    for path in files(cache, ".nbc"):
        data = bytearray(path.read_bytes())
        if damage == "empty":
            data.clear()
        elif damage == "cut":
            del data[len(data) // 2 :]
        else:
            for place in range(40, len(data), 97):
                data[place] ^= 0xFF
        path.write_bytes(data)
    assert use_kernel() == "compiled"
    assert use_kernel() == "cached"


TWO_KERNELS = """
from fit_image.nn.runtime.jit import kernel


@kernel
def answer():
    return 42


@kernel
def question(number):
    return 6.0 * number


@kernel
def other():
    return 7


found = answer(), question(9.0), other()
"""


def test_swapped_files_are_those_of_other_kernels(cache, use_kernel):
    assert use_kernel(TWO_KERNELS) == (42, 54.0, 7)
    first, second, third = files(cache, ".nbc")
    codes = [path.read_bytes() for path in (second, third, first)]
    for path, code in zip((first, second, third), codes, strict=True):
        path.write_bytes(code)
    assert use_kernel(TWO_KERNELS) == (42, 54.0, 7)
    assert [path.read_bytes() for path in (second, third, first)] != codes


def test_a_pipe_in_place_of_a_file_is_not_waited_for(cache, use_kernel):
    use_kernel()
    (file,) = files(cache, ".nbc")
    file.unlink()
    os.mkfifo(file)
    assert use_kernel() == "compiled"
    assert use_kernel() == "cached"


@pytest.mark.parametrize(
    ("name", "features", "width"),
    [
        ("skylake-avx512", "+avx2,+avx512f,-avx512vnni", 16),
        ("skylake-avx512", "", 8),
        ("haswell", "+avx2,-avx512f", 8),
        ("znver4", "+avx512f", 8),
        ("generic", "+avx512f,-avx512f", 8),
        ("generic", "-avx512f, +avx512f", 16),
        ("apple-m1", "+neon", 8),
    ],
)
def test_width_is_that_of_the_processor_compiled_for(name, features, width):
    assert vector_width(name, features) == width


LANES = """
import numpy as np
from fit_image.nn.runtime import simd
from fit_image.nn.runtime.arrays import aligned_zeros
from fit_image.nn.runtime.jit import kernel


@kernel
def inverse_sum(array):
    return simd.hsum(simd.reciprocal(simd.load(array, 0)))


array = aligned_zeros(64)
array[:] = 2.0
found = simd.WIDTH, inverse_sum(array) * 2 == simd.WIDTH
if __name__ == "__main__":
    print(*found)
"""


def test_machines_of_two_widths_may_share_a_home(cache, use_kernel):
    def states():
        return {path.name: path.stat().st_mtime_ns for path in files(cache, ".nbc")}

    own, right = use_kernel(LANES)
    assert right
    made_here = states()
    # LLVM would abort if vectors were wider than this processor's.
    generic = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    assert warm_up(cache, LANES, **generic) == "8 True"
    assert len(states()) == 2 * len(made_here)
    assert use_kernel(LANES) == (own, True)
    assert made_here.items() <= states().items()


def test_a_cache_that_cannot_be_made_costs_a_compilation(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    assert warm_up(blocked) == "compiled"
    assert blocked.read_text() == "in the way"


def test_a_cache_that_others_may_write_is_not_used(cache, use_kernel):
    use_kernel()
    for folder in cache.rglob("*"):
        if folder.is_dir():
            folder.chmod(0o777)
    assert use_kernel() == "compiled"


WARM_UPS = """
import itertools
import sys
import numpy as np
import fit_image
from fit_image.apps.fit.warm_up import kernel_count, warm_up
from fit_image.config.registry import OPTIMIZERS
from numba.core.dispatcher import Dispatcher

def ready():
    modules = [module for name, module in sys.modules.items() if name.startswith("fit_image.")]
    kernels = {value for module in modules for value in vars(module).values()
               if isinstance(value, Dispatcher) and value.targetoptions.get("nogil")}
    return {(each.py_func.__qualname__, *each.signatures) for each in kernels}

small = [np.ones((10, 15, 3), dtype) for dtype in (np.float32, np.uint8, np.uint16)]
frozen = [each.copy() for each in small]
for each in frozen:
    each.flags.writeable = False
large = np.ones((200, 300, 3), np.uint8)  # several threads draw it
config = fit_image.FitConfig()
warm_up(config, [np.uint8])
kernels = {name for name, *signatures in ready() if signatures}
assert len(kernels) == kernel_count(config), kernels
for batch_size, optimizer in itertools.product((1, 64), OPTIMIZERS):
    options = {"optimizer": optimizer, "batch_size": batch_size, "learning_rate": 1e-3}
    warm_up(fit_image.FitConfig(**options))
    before = ready()
    for image in (*small, *frozen):
        list(fit_image.fit(image, layers=(5, 40), epochs=1, **options))
        assert image.flags.writeable == any(image is each for each in small)
    list(fit_image.fit(small[0], layers=(40,), epochs=1, threads=2, **options))
    next(fit_image.fit(large, layers=(40,), threads=2, **options))
    assert ready() == before, (options, ready() - before)
"""


def test_drawing_and_training_compile_nothing_after_the_warm_up():
    # In a process of its own: here, other tests may have compiled all.
    done = subprocess.run(
        [sys.executable, "-c", WARM_UPS], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_missing_data_file_is_compiled_again(cache, use_kernel):
    use_kernel()
    files(cache, ".nbc")[0].unlink()
    assert use_kernel() == "compiled"


DEEP = """
from fit_image.nn.below.kernel import answer
from fit_image.nn.runtime.jit import on_compile
compiled = []
with on_compile(lambda: compiled.append(1)):
    number = answer()
print(number, "compiled" if compiled else "cached")
"""


def test_an_edited_file_two_folders_down_is_compiled_anew(cache, tmp_path):
    package = tmp_path / "site" / "fit_image"
    shutil.copytree(
        Path(fit_image.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__")
    )
    constant = package / "nn" / "below" / "further" / "constant.py"
    constant.parent.mkdir(parents=True)
    for folder in (constant.parent, constant.parent.parent):
        (folder / "__init__.py").touch()
    text = (
        "from fit_image.nn.runtime.jit import inner\n\n\n@inner\ndef constant():\n    return {}\n"
    )
    constant.write_text(text.format(1))
    (package / "nn" / "below" / "kernel.py").write_text(
        "from fit_image.nn.below.further.constant import constant\n"
        "from fit_image.nn.runtime.jit import kernel\n\n\n"
        "@kernel\ndef answer():\n    return constant()\n"
    )
    site = str(tmp_path / "site")
    assert warm_up(cache, DEEP, PYTHONPATH=site) == "1 compiled"
    assert warm_up(cache, DEEP, PYTHONPATH=site) == "1 cached"
    constant.write_text(text.format(22))
    assert warm_up(cache, DEEP, PYTHONPATH=site) == "22 compiled"


def test_the_package_folder_stays_clean():
    assert not list(Path(fit_image.__file__).parent.rglob("*.nbc"))


@kernel
def _allocating(size):
    return np.zeros(size).sum()


def test_a_kernel_that_allocates_does_not_compile():
    """Where references are counted, arrays could be created, and short rows would take longer."""
    with pytest.raises(TypingError, match="Only accept returning"):
        _allocating(3)
