from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

from pictures import make_small_picture, save_picture

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("FIT_IMAGE_DATA", ROOT.parent / "shared" / "data"))


def pytest_configure(config):
    # A job in the background ignores Ctrl-C, one under nohup the end of its terminal, and so would
    # all programs that tests start.
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    for signum, handler in usual.items():
        if signal.getsignal(signum) == signal.SIG_IGN:
            signal.signal(signum, handler)
    config.addinivalue_line(
        "markers",
        "one_core: what is tested depends on no number of threads; where several workers run, "
        "each has a core of its own, because their threads would wait for one another",
    )


@pytest.fixture(scope="module", autouse=True)
def _core_of_worker(request):
    """Keep a module marked ``one_core`` on its worker's core."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if not (worker and request.node.get_closest_marker("one_core")):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(cores)[int(worker.removeprefix("gw")) % len(cores)]})
    yield
    os.sched_setaffinity(0, cores)


@pytest.fixture
def rng():
    return np.random.default_rng(1)


@pytest.fixture
def data():
    """The folder of real pictures."""
    if not DATA.is_dir():
        pytest.skip(f"no real pictures in {DATA}")
    return DATA


@pytest.fixture
def portrait():
    return ROOT / "examples" / "portrait.png"


@pytest.fixture
def small_picture():
    return make_small_picture()


@pytest.fixture
def picture(small_picture, tmp_path):
    """The file of it."""
    return save_picture(small_picture, tmp_path)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    """A browser without a window."""
    webdriver = pytest.importorskip("selenium.webdriver")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    if not (program and driver):
        pytest.skip("no chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        f"--user-data-dir={tmp_path_factory.mktemp('profile')}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(driver)
    browser = webdriver.Chrome(options=options, service=service)
    yield browser
    browser.quit()
