"""The page of a single run, as data and in a real browser."""

from __future__ import annotations

import html
import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest

from browser import find, script, show
from fit_image.apps.fit.directory import FitDirectory
from kinds import gradient
from shell import Shell, wait_until

EPOCHS = 5
WAVELENGTHS = [32, 16, 8, 4, 2]
report = Shell("report")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    options = ("--layers", "2x8", "--epochs", EPOCHS, "--animation", "none", "--threads", 1)
    Shell().succeed(gradient(folder), *options, "--spectrum", "-q", "-o", folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def page(run):
    result = report.succeed(run, "-q")
    assert result.stdout == f"{run / 'report.html'}\n"
    return run / "report.html"


@pytest.fixture
def copied(run, tmp_path):
    return Path(shutil.copytree(run, tmp_path / "copy"))


def data_of(page):
    text = page.read_text("utf-8")
    start = text.index('<script type="application/json" id="data">')
    return json.loads(text[text.index(">", start) + 1 : text.index("</script>", start)])


def test_the_page_has_the_metrics_and_spectra_of_the_run(page, run):
    data = data_of(page)
    rows = FitDirectory.open(run).metrics.read()
    by_title = {each["title"]: each["lines"] for each in data["figures"]}
    assert data["epochs"] == [row.epoch for row in rows]
    assert by_title["PSNR (dB)"][0]["values"] == [row.psnr for row in rows]
    assert by_title["loss"][0]["values"] == [row.loss for row in rows]
    recorded = FitDirectory.open(run).spectrum.read()
    assert data["spectra"]["wavelengths"] == WAVELENGTHS
    assert data["spectra"]["epochs"] == [*range(EPOCHS + 1)]
    for shown, power in zip(data["spectra"]["errors"], recorded.errors.values(), strict=True):
        np.testing.assert_allclose(shown, 10 * np.log10(power[1:]), atol=0.006)


def test_a_run_that_recorded_no_spectra_has_the_same(copied, page):
    (copied / "spectrum.csv").unlink()
    report.succeed(copied, "-q")
    assert data_of(copied / "report.html")["spectra"] == data_of(page)["spectra"]
    assert not (copied / "spectrum.csv").exists()


def test_a_run_without_a_model_has_no_units(copied, page):
    assert "What its units draw" in page.read_text("utf-8")
    for name in ("model.npz", "checkpoint.npz"):
        (copied / name).unlink()
    report.succeed(copied, "-q")
    assert "What its units draw" not in (copied / "report.html").read_text("utf-8")


def test_the_command_of_a_page_is_accepted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gradient(tmp_path)
    shell = Shell()
    schedule = ("--lr-schedule", "cosine", "--schedule-by", "time", "--time-limit", "9s")
    shell.succeed("pic.png", "--layers", 4, "--epochs", 2, *schedule, "-q", "-o", "run")
    shell.succeed("pic.png", "-o", "run", "--resume", "--time-limit", "none", "-q")
    report.succeed("run", "-q")
    page = Path("run/report.html").read_text("utf-8")
    command = html.unescape(re.search(r"fit-image (pic\.png[^<]*)", page)[1])
    shell.succeed(*shlex.split(command), "-q", "-o", "again")


def test_what_has_no_report_is_said(copied, tmp_path, monkeypatch):
    (copied / "metrics.csv").write_text("epoch,loss,psnr,seconds\n")
    monkeypatch.chdir(tmp_path)
    assert "has not learned an epoch yet" in report.fail(copied)
    (copied / "run.json").unlink()
    assert "is not the folder of a run: it has no run.json" in report.fail(copied)
    (copied / "target.png").unlink()


@pytest.fixture
def browser(chromium, page):
    show(chromium, 1280, "light")
    chromium.get(page.as_uri())
    yield chromium
    errors = [entry for entry in chromium.get_log("browser") if entry["level"] != "INFO"]
    assert not errors, errors


def names(browser):
    return [each.text for each in browser.find_elements("css selector", "#legend label")]


def lines(browser, place):
    plot = f"document.getElementById('{place}').plot"
    return script(browser, f"{plot}.series.filter((each) => each.width).length")


def test_the_charts_show_what_is_chosen(browser):
    title = "document.getElementById('chart').plot.axes[1].label"
    assert script(browser, title) == "PSNR (dB)"
    find(browser, '[name=figure][value="loss"]').send_keys(" ")
    assert script(browser, title) == "loss"
    find(browser, '[name=axis][value="seconds"]').send_keys(" ")
    assert "seconds" in script(browser, "document.getElementById('chart').plot.axes[0].label")
    assert names(browser) == [f"{each} to {2 * each} px" for each in WAVELENGTHS]
    assert lines(browser, "spectrum") == len(WAVELENGTHS)
    find(browser, "#legend input").send_keys(" ")
    assert lines(browser, "spectrum") == len(WAVELENGTHS) - 1
    find(browser, '[name=spectra][value="power"]').send_keys(" ")
    assert names(browser)[0] == "error, untrained"
    assert names(browser)[-2:] == [f"error, epoch {EPOCHS}", "target"]
    wait_until(lambda: script(browser, "document.getElementById('spectrum').plot.axes[0]._values"))
    labels = script(browser, "document.getElementById('spectrum').plot.axes[0]._values")
    assert labels == [str(each) for each in WAVELENGTHS]


def test_lines_of_one_chart_have_a_legend(chromium, browser, tmp_path):
    assert not find(browser, "#figure-legend").is_displayed()
    options = ("--layers", "8", "--epochs", 3, "--animation", "none", "--hold-out", "even")
    Shell().succeed(gradient(tmp_path), *options, "-q", "-o", tmp_path / "held-out")
    report.succeed(tmp_path / "held-out", "-q")
    chromium.get((tmp_path / "held-out" / "report.html").as_uri())
    labels = browser.find_elements("css selector", "#figure-legend label")
    assert [each.text for each in labels] == ["pixels shown", "pixels never shown"]
    assert lines(browser, "chart") == 2
    labels[0].click()
    assert lines(browser, "chart") == 1
    find(browser, '[name=figure][value="loss"]').send_keys(" ")
    assert not find(browser, "#figure-legend").is_displayed()
    assert lines(browser, "chart") == 1


def test_the_player_shows_frames_and_their_errors(browser):
    slider = find(browser, "#step")
    slider.send_keys("\ue011")  # home
    texts = "[...document.querySelectorAll('#screens small')].map((each) => each.textContent)"
    assert script(browser, texts) == ["untrained"] * 2
    slider.send_keys("\ue014")
    assert all(text.startswith("epoch 1 · ") for text in script(browser, texts))
    sources = script(browser, "[...document.querySelectorAll('#screens img')].map((e) => e.src)")
    assert len(set(sources)) == 3


def test_the_page_fits_a_phone_in_the_dark_and_has_structure(browser):
    show(browser, 390, "dark")
    wait_until(lambda: script(browser, "document.documentElement.scrollWidth") <= 390)
    background = script(browser, "getComputedStyle(document.body).backgroundColor")
    assert sum(int(part) for part in background[4:-1].split(",")) < 120
    assert script(browser, "[...document.images].every((image) => image.alt)")
    assert script(browser, "[...document.images].every((image) => image.naturalWidth > 0)")
    unnamed = (
        "[...document.querySelectorAll('section')].filter("
        "(each) => !document.getElementById(each.getAttribute('aria-labelledby'))).length"
    )
    assert script(browser, unnamed) == 0
