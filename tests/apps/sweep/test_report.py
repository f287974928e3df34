"""The page that shows a sweep, as data and in a real browser; and the command that makes it."""

from __future__ import annotations

import json
import math
import re
import shlex
import shutil
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from browser import find, script, show
from fit_image.apps.fit.architecture import sized
from fit_image.apps.fit.directory import FitDirectory
from fit_image.apps.fit.manifest import FitManifest, Picture
from fit_image.apps.fit.metrics import FitMetrics
from fit_image.apps.fit.picture_source import load_source
from fit_image.apps.fit.trainer import FitTrainer
from fit_image.apps.report.commands import command_line
from fit_image.apps.report.markup import Html, breakable, element, join
from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.sweep.plan.trial import Trial
from fit_image.apps.sweep.results.outcome import Outcome, read_outcome
from fit_image.apps.sweep.results.report import write_report
from fit_image.apps.sweep.results.report_data import curves
from fit_image.apps.sweep.results.report_pictures import most_different_crop
from fit_image.apps.sweep.results.seed_group import group_by_seed
from fit_image.cli import cli
from fit_image.config.fit import FitConfig, ImageConfig, RecordConfig, option_of
from fit_image.config.presets import preset_config
from fit_image.errors import InputError
from fit_image.runs.recorder import RunRecorder
from shell import wait_until

HOSTILE = '"><script>alert(1)<\\script><b>.png'
LAYERS = ("1x12", "2x9", "3x7")
EPOCHS = 9


def make_sweep(path, pictures, layers=LAYERS, seeds=2):
    """A finished sweep; the newest of its trials never began."""
    trials = []
    sources = {}
    for picture in pictures:
        source = load_source(picture, ImageConfig())
        sources[source.picture.path] = source
        for spec in layers:
            for seed in range(seeds):
                fit = FitConfig(layers=spec, epochs=EPOCHS, seed=seed)
                record = RecordConfig(animations=())
                trials.append(Trial(FitManifest(source.picture, fit, ImageConfig(), record)))
    folder = SweepDirectory(path, trials)
    folder.write()
    for trial in folder.trials[:-1]:
        source = sources[trial.manifest.picture.path]
        run = FitDirectory(folder.run_path(trial), trial.manifest)
        with run.locked():
            trainer = FitTrainer(source.image.levels, trial.manifest.fit, threads=1)
            recorder = RunRecorder.begin(run, trainer)
            for _ in recorder.steps():
                pass
            recorder.conclude("done")
    return folder


def outcomes_of(folder):
    return [read_outcome(folder, trial) for trial in folder.trials]


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """Two pictures, three networks, two seeds: one of them diverged, one waiting."""
    folder = tmp_path_factory.mktemp("sweep")
    y, x = np.mgrid[0:48, 0:36].astype(np.float32)
    pixels = np.stack((x / 35, y / 47, np.hypot(x - 18, y - 24) < 9), axis=2)
    for name, picture in ((HOSTILE, pixels), ("second.png", pixels[::-1])):
        Image.fromarray((picture * 255).astype(np.uint8)).save(folder / name)
    return make_sweep(folder / "out", [folder / HOSTILE, folder / "second.png"])


@pytest.fixture(scope="module")
def page(sweep):
    outcomes = outcomes_of(sweep)
    outcomes[1] = replace(outcomes[1], status="diverged")
    return write_report(sweep, outcomes)


# Data


def curve_outcome(seed, *rows):
    fit = FitConfig(layers="1x8", seed=seed)
    picture = Picture("/cat.png", "0" * 64, 10, 10)
    trial = Trial(FitManifest(picture, fit, ImageConfig(), RecordConfig()))
    rows = tuple(FitMetrics(epoch, 0.1, psnr, seconds) for epoch, psnr, seconds in rows)
    return Outcome(trial, "done", rows)


def test_a_curve_is_the_mean_over_seeds_with_their_extremes():
    (group,) = group_by_seed(
        [
            curve_outcome(0, (1, 10.0, 1.0), (2, 20.0, 2.0)),
            curve_outcome(1, (1, 12.0, 2.0), (2, 24.0, 4.0), (3, 99.0, 6.0)),
        ]
    )
    found = curves(group)
    assert found["epochs"] == {
        "x": [1, 2],
        "mean": [11, 22],
        "least": [10, 20],
        "most": [12, 24],
    }
    # Both have pictures of the second second only.
    assert found["seconds"] == {"x": [2], "mean": [16], "least": [12], "most": [20]}
    assert found["work"] == group.trial.work * 100
    assert found["seeds"] == 2


def test_a_seed_much_slower_than_another_does_not_hide_the_curve():
    (group,) = group_by_seed(
        [
            curve_outcome(0, (1, 10.0, 1.0), (2, 20.0, 2.0)),
            curve_outcome(1, (1, 12.0, 5.0), (2, 24.0, 6.0)),
        ]
    )
    assert curves(group)["seconds"]["x"] == [3, 4]
    assert curves(group)["seconds"]["mean"] == [11, 22]


def test_a_long_curve_keeps_its_ends_and_its_beginning():
    rows = [(epoch, 10 + math.log(epoch), epoch / 7) for epoch in range(1, 3001)]
    (group,) = group_by_seed([curve_outcome(0, *rows)])
    x = curves(group)["epochs"]["x"]
    assert len(x) <= 200
    assert x[:4] == [1, 2, 3, 4]
    assert x[-1] == 3000
    assert max(np.diff(x)) < 40


def test_perfect_pictures_and_empty_groups_have_no_points():
    (group,) = group_by_seed([curve_outcome(0, (1, math.inf, 1.0))])
    assert curves(group)["epochs"]["x"] == []
    (group,) = group_by_seed([replace(curve_outcome(0, (1, 9.0, 1.0)), rows=(), status="waiting")])
    assert curves(group)["seconds"]["mean"] == []


@pytest.mark.parametrize(
    ("preset", "options", "image", "text"),
    [
        ("classic", {}, {}, "fit-image 'a cat.png'"),
        (
            "classic",
            {"layers": "2x8:tanh,4", "optimizer": "adam", "epochs": 3, "time_limit": 2.5},
            {"max_pixels": None},
            "fit-image 'a cat.png' --time-limit 2.5 --layers 2x8:tanh,4 --optimizer adam"
            " --epochs 3 --max-pixels none",
        ),
        (
            "instant",
            {"learning_rate": 0.5, "seed": 3},
            {"channels": "grey"},
            "fit-image 'a cat.png' --preset instant --lr 0.5 --seed 3 --channels grey",
        ),
    ],
)
def test_the_command_line_names_what_differs(preset, options, image, text):
    fit = preset_config(preset, 30, 20, **options)
    picture = Picture("/pictures/a cat.png", "0" * 64, 30, 20)
    manifest = FitManifest(picture, fit, ImageConfig(**image), RecordConfig(), preset)
    assert command_line(manifest) == text


def test_each_command_of_the_page_writes_to_a_folder_of_its_own(page, sweep):
    text = page.read_text("utf-8")
    for trial in sweep.trials:
        shown = f"--epochs {EPOCHS} -o {trial.key}\n" in text
        assert shown == (trial.manifest.fit.seed == 0)


def test_the_command_line_of_a_grid_gives_the_same_trial():
    fit = preset_config("instant", 30, 20, encoding="grid:levels=4", activation="sine")
    picture = Picture("/cat.png", "0" * 64, 30, 20)
    manifest = FitManifest(picture, fit, ImageConfig(), RecordConfig(frame_every=2), "instant")
    words = shlex.split(command_line(manifest))
    given = dict(zip(words[2::2], words[3::2], strict=True))
    assert given.pop("--frame-every") == "2"
    assert given.pop("--preset") == "instant"
    names = {name.removeprefix("--").replace("-", "_"): value for name, value in given.items()}
    assert preset_config("instant", 30, 20, **names) == fit


@pytest.mark.parametrize(
    ("preset", "name", "value"),
    [("instant", "hold_out", "even"), ("compact", "time_limit", 30.0)],
)
def test_the_command_line_has_epochs_that_a_preset_has_without_an_option(preset, name, value):
    usual = preset_config(preset, 300, 200).epochs
    assert preset_config(preset, 300, 200, **{name: value}).epochs != usual
    asked = preset_config(preset, 300, 200, epochs=usual, **{name: value})
    fit = sized(asked, (300, 200), 3)
    picture = Picture("/cat.png", "0" * 64, 300, 200)
    manifest = FitManifest(picture, fit, ImageConfig(), RecordConfig(), preset)
    text = f"fit-image cat.png --preset {preset} {option_of(name)} {value} --epochs {usual}"
    assert command_line(manifest) == text


def test_the_crop_is_where_the_better_pictures_differ(rng):
    target = rng.integers(0, 100, (80, 60, 3)).astype(np.uint8)
    one, other, failed = target.copy(), target.copy(), np.full_like(target, 255)
    other[50:60, 8:14] += 90
    left, top, right, bottom = most_different_crop(target, [one, failed, other, failed])
    assert (right - left, bottom - top) == (15, 20)
    assert left <= 8
    assert right >= 14
    assert top <= 50
    assert bottom >= 60
    assert most_different_crop(target, [other])[1] in range(40, 51)
    assert most_different_crop(target[:1, :1], [other[:1, :1]]) == (0, 0, 1, 1)


# The file


def embedded(page):
    text = page.read_text("utf-8")
    start = text.index('<script type="application/json" id="data">')
    return json.loads(text[text.index(">", start) + 1 : text.index("</script>", start)])


def test_the_page_is_whole_and_bounded(page, sweep):
    assert page == sweep.report
    assert page.stat().st_size < 8_000_000
    assert not [file for file in sweep.path.iterdir() if "partial" in file.name]
    first, second = embedded(page)
    assert [group["label"] for group in first["groups"]] == list(LAYERS)
    assert [len(reel["frames"]) for reel in first["player"]["reels"]] == [EPOCHS + 1] * 3
    assert first["player"]["epochs"] == list(range(EPOCHS + 1))
    # The second seed of one network diverged, that of another never began.
    assert [curve["seeds"] for curve in first["curves"]] == [1, 2, 2]
    assert [curve["seeds"] for curve in second["curves"]] == [2, 2, 1]


def test_little_room_means_fewer_frames(sweep, tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "report", tmp_path / "small.html")
    steps = []
    page = write_report(
        sweep, outcomes_of(sweep), max_frame_bytes=1, on_step=lambda *step: steps.append(step)
    )
    assert 2 < len(embedded(page)[0]["player"]["epochs"]) <= 8
    assert steps == [(number, 6) for number in range(1, 7)]


def test_at_most_so_many_networks_are_drawn(sweep, tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "report", tmp_path / "few.html")
    outcomes = outcomes_of(sweep)
    page = write_report(sweep, outcomes, max_curves=2, max_pictured=1)
    for picture in embedded(page):
        assert len(picture["curves"]) == 2
        assert len(picture["pictured"]) == 1
        assert len(picture["player"]["reels"]) == 1
    text = " ".join(page.read_text("utf-8").split())
    assert "Only the best 2 networks are drawn." in text
    assert "Only the best 1 of 3 networks are pictured." in text
    groups = group_by_seed(outcomes[: len(LAYERS) * 2])
    best = max(range(3), key=lambda index: sum(each.psnr for each in groups[index].outcomes))
    assert embedded(page)[0]["pictured"] == [best]


def test_nothing_to_report_is_said(sweep, tmp_path):
    empty = SweepDirectory(tmp_path / "empty", sweep.trials)
    empty.write()
    with pytest.raises(InputError, match="no trial has drawn a picture yet"):
        write_report(empty, outcomes_of(empty))
    assert not empty.report.exists()


def test_what_others_wrote_is_in_the_page_with_its_licence(page):
    text = page.read_text("utf-8")
    uplot = files("fit_image.apps.report") / "uplot"
    for name in ("uPlot.iife.min.js", "uPlot.min.css", "LICENSE"):
        assert (uplot / name).read_text("utf-8").strip() in text


def test_a_page_is_little_more_than_its_pictures(page):
    text = page.read_text("utf-8")
    pictures = sum(len(each) for each in re.findall(r"data:image/\w+;base64,[\w+/=]+", text))
    assert len(text) - pictures < 150_000


def test_labels_are_broken_behind_commas_and_numbers_are_not():
    shown = breakable("grid:levels=8,features=2 <b> has 1,234 numbers, 300,200")
    assert shown == "grid:levels=8,<wbr>features=2 &lt;b&gt; has 1,234 numbers, 300,200"
    assert element("p", shown) == f"<p>{shown}</p>"


def test_elements_escape_all_but_html():
    made = element(
        "p", "<&", element("img", alt='"', src=None), class_="a", data_value=0, hidden=True
    )
    assert made == '<p class="a" data-value="0" hidden>&lt;&amp;<img alt="&quot;"></p>'
    assert join("<", Html("<b>"), 3) == "&lt;<b>3"


# The command


def report(*args):
    return CliRunner().invoke(cli, ["report", *map(str, args)])


@pytest.fixture
def copied(sweep, tmp_path):
    shutil.copytree(sweep.path, tmp_path / "copy")
    (tmp_path / "copy" / "report.html").unlink(missing_ok=True)
    return SweepDirectory.open(tmp_path / "copy")


def test_the_command_writes_everything_and_names_the_page(copied):
    result = report(copied.path, "--by", "seconds", "-q")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{copied.report}\n"
    assert result.stderr == ""
    for file in (copied.report, copied.results_csv, copied.results_json, copied.comparison):
        assert file.stat().st_size


def test_the_command_refuses_what_is_no_sweep(tmp_path):
    result = report(tmp_path)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert "is not the folder of a run that learns a picture, or of a sweep" in line


def test_the_command_has_nothing_to_show_of_a_sweep_that_has_not_begun(sweep, tmp_path):
    SweepDirectory(tmp_path, sweep.trials).write()
    before = sorted(tmp_path.iterdir())
    result = report(tmp_path)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert "no trial has drawn a picture yet" in line
    assert sorted(tmp_path.iterdir()) == before


# The browser


@pytest.fixture
def browser(chromium, page):
    """The page, freshly loaded, 1280 pixels wide and light."""
    show(chromium, 1280, "light")
    chromium.get(page.as_uri())
    yield chromium
    errors = [entry for entry in chromium.get_log("browser") if entry["level"] != "INFO"]
    assert not errors, errors


def choose(browser, name, value):
    """Choose with the keyboard, as a radio button lets one."""
    browser.execute_script(f"document.querySelector('[name={name}]:checked').focus()")
    for _ in range(3):
        if script(browser, f"document.querySelector('[name={name}]:checked').value") == value:
            return
        browser.switch_to.active_element.send_keys("\ue014")  # arrow right
    raise AssertionError(f"no {value}")


def test_nothing_is_asked_of_a_network(chromium, page):
    # Chromium's own first page has requests of its own.
    chromium.get("about:blank")
    chromium.get_log("performance")
    chromium.get(page.as_uri())
    find(chromium, "#play").click()
    choose(chromium, "axis", "work")
    events = [json.loads(entry["message"])["message"] for entry in chromium.get_log("performance")]
    urls = [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]
    assert page.as_uri() in urls
    assert {url.partition(":")[0] for url in urls} <= {"file", "data", "blob"}


def test_hostile_names_are_text(browser):
    assert HOSTILE in find(browser, "h1").text
    assert HOSTILE in browser.title
    assert HOSTILE in find(browser, "#pictures").text
    assert script(browser, "document.querySelectorAll('h1 b, h1 script, label b').length") == 0


def test_the_page_has_structure(browser):
    assert script(browser, "document.querySelectorAll('h1').length") == 1
    assert script(browser, "document.querySelectorAll('main').length") == 1
    assert script(browser, "[...document.images].every((image) => image.alt)")
    assert script(browser, "[...document.images].every((image) => image.naturalWidth > 0)")
    unnamed = (
        "[...document.querySelectorAll('section')].filter("
        "(each) => !document.getElementById(each.getAttribute('aria-labelledby'))).length"
    )
    assert script(browser, unnamed) == 0
    summary = find(browser, ".findings").text
    for question in ("Equal epochs", "Equal time", "Equal parameters"):
        assert question in summary
    assert "1x12: 1 of 2 diverged" in find(browser, ".remarks").text


def column(browser, table, index):
    rows = f"[...document.querySelector('{table}').tBodies[0].rows]"
    return script(browser, f"{rows}.map((row) => row.cells[{index}].dataset.value ?? null)")


def test_tables_sort_numbers_as_numbers_and_what_is_missing_last(browser):
    browser.execute_script("document.querySelector('[data-picture] details').open = true")
    # The other picture has a trial that never began.
    choose(browser, "picture", "1")
    table = '[data-picture="1"] table.trials'
    browser.execute_script("document.querySelector('[data-picture=\"1\"] details').open = true")
    headers = browser.find_elements("css selector", f"{table} thead th")
    index = [header.text.split()[0] for header in headers].index("Final")
    button = headers[index].find_element("css selector", "button")
    for order, sign in (("ascending", 1), ("descending", -1)):
        button.send_keys(" ")
        assert headers[index].get_attribute("aria-sort") == order
        *values, missing = column(browser, table, index)
        assert missing is None
        numbers = [float(value) for value in values]
        assert numbers == sorted(numbers, key=lambda number: sign * number)
        assert len(set(numbers)) > 2
    others = {header.get_attribute("aria-sort") for header in headers} - {"descending"}
    assert others == {"none"}

    headers[0].find_element("css selector", "button").click()
    assert column(browser, table, 0) == sorted(column(browser, table, 0))
    browser.find_element("css selector", '[data-picture="1"] table.groups thead button').click()
    assert column(browser, '[data-picture="1"] table.groups', 0) == list(LAYERS)


def test_decimals_and_infinity_are_numbers(browser):
    browser.execute_script(
        "[...document.querySelector('table.groups').tBodies[0].rows].forEach("
        "(row, place) => { row.cells[1].dataset.value = ['inf', '0.9', '0.25'][place]; })"
    )
    find(browser, "table.groups th:nth-child(2) button").click()
    assert column(browser, "table.groups", 1) == ["0.25", "0.9", "inf"]


def test_groups_begin_with_the_best(browser):
    values = [float(value) for value in column(browser, "table.groups", 1)]
    assert values == sorted(values, reverse=True)
    assert find(browser, "table.groups [aria-sort=descending]").text.startswith("Final PSNR")


PLOT = "document.getElementById('chart').plot"


def drawn_lines(browser):
    """The points of each line in the chart: its x, and its y."""
    series = f"{PLOT}.series.map((each, index) => [each, {PLOT}.data[index]]).slice(1)"
    present = "(_, index) => values[index] !== undefined"
    return script(
        browser,
        f"{series}.filter(([each]) => each.width)"
        f".map(([, values]) => [{PLOT}.data[0], values].map((each) => each.filter({present})))",
    )


def ends(browser, axis):
    return script(browser, f"['min', 'max'].map((end) => {PLOT}.scales.{axis}[end])")


def test_the_chart_changes_its_axis(browser, page, sweep):
    def x_of_lines():
        return [x for x, _ in drawn_lines(browser)]

    def title():
        return script(browser, f"{PLOT}.axes[0].label")

    assert drawn_lines(browser) == [
        [curve["epochs"]["x"], curve["epochs"]["mean"]] for curve in embedded(page)[0]["curves"]
    ]
    assert [line[-1] for line in x_of_lines()] == [EPOCHS] * 3
    assert "epochs" in title()
    choose(browser, "axis", "seconds")
    assert "seconds" in title()
    assert x_of_lines() == [curve["seconds"]["x"] for curve in embedded(page)[0]["curves"]]
    choose(browser, "axis", "work")
    assert "operations" in title()
    groups = group_by_seed(outcomes_of(sweep)[: 2 * len(LAYERS)])
    for line, group in zip(x_of_lines(), groups, strict=True):
        assert line[-1] == pytest.approx(group.outcomes[0].work)
    assert script(browser, f"{PLOT}.scales.x.distr") == 1
    find(browser, "#logarithmic").send_keys(" ")
    assert script(browser, f"{PLOT}.scales.x.distr") == 3


TITLE_AND_ROOM = """(({ axes: [x], bbox, ctx, width }) => {
    ctx.save();
    ctx.font = x.labelFont[0];
    const title = ctx.measureText(x.label).width / uPlot.pxRatio;
    ctx.restore();
    const middle = (bbox.left + bbox.width / 2) / uPlot.pxRatio;
    return [title, 2 * Math.min(middle, width - middle)];
})"""


@pytest.mark.parametrize("axis", ["epochs", "seconds", "work"])
def test_titles_of_axes_fit_a_phone(browser, axis):
    show(browser, 330, "light")
    choose(browser, "axis", axis)
    for chart in ("chart", "spectrum"):
        plot = f"document.getElementById('{chart}').plot"
        wait_until(lambda plot=plot: script(browser, f"{plot}.width") < 330)
        title, room = script(browser, f"{TITLE_AND_ROOM}({plot})")
        assert 0 < title <= room


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (1, 9, [1, 2, 3, 5, 7]),
        (0.001, 0.12, [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1]),
        (30, 33, [30, 30.5, 31, 31.5, 32, 32.5, 33]),
        (1, 1e30, [10.0**power for power in range(0, 31, 3)]),
    ],
)
def test_a_logarithmic_axis_is_labelled_at_any_range(browser, low, high, shown):
    line = f"{{name: '', colour: '--ink', dash: [], x: [{low}, {high}], y: [1, 2]}}"
    axis = "{title: '', format: String, describe: String}"
    browser.execute_script(
        "const place = document.createElement('div');"
        "place.style.cssText = 'width: 720px; height: 300px';"
        "document.body.append(place);"
        "window.other = new LineChart(place, () => {});"
        f"other.show([{line}], {{x: {{...{axis}, logarithmic: true}}, y: {axis}}});"
    )
    wait_until(lambda: script(browser, "other.plot.axes[0]._splits?.length > 0"))
    assert script(browser, "other.plot.axes[0]._splits") == pytest.approx(shown)


def test_the_chart_has_bands_and_a_legend_that_hides_lines(browser):
    count = f"{PLOT}.bands.length"
    # Of the three, two have two seeds.
    assert script(browser, count) == 2
    assert len(drawn_lines(browser)) == 3
    boxes = browser.find_elements("css selector", "#legend input")
    assert [box.find_element("xpath", "..").text for box in boxes] == list(LAYERS)
    boxes[2].send_keys(" ")
    assert script(browser, count) == 1
    assert len(drawn_lines(browser)) == 2
    boxes[0].send_keys(" ")
    boxes[1].send_keys(" ")
    assert drawn_lines(browser) == []
    for box in boxes:
        box.send_keys(" ")
    assert script(browser, count) == 2


def colours_of_chart(browser):
    """The colours of lines by their labels, as rgb(...)."""
    browser.execute_script(
        "window.probe ??= document.createElement('i'); document.body.append(probe)"
    )
    strokes = f"{PLOT}.series.slice(1).filter((each) => each.width).map((each) => each.stroke())"
    colours = script(
        browser,
        f"{strokes}.map((each) => {{ probe.style.color = each;"
        " return getComputedStyle(probe).color; })",
    )
    return dict(zip(LAYERS, colours, strict=True))


def test_colours_are_the_same_everywhere(browser):
    lines = colours_of_chart(browser)
    swatches = script(
        browser,
        "[...document.querySelectorAll('tbody th, #screens figcaption, .sheet figcaption')]"
        ".filter((each) => each.querySelector('svg'))"
        ".map((each) => [each.innerText.trim().split(/\\s/)[0],"
        " getComputedStyle(each.querySelector('svg')).stroke])",
    )
    assert len(set(lines.values())) == 3
    assert len(swatches) > 9
    for label, stroke in swatches:
        if label:  # what is not shown has no text
            assert lines[label] == stroke


def mouse(browser, kind, x, y, **options):
    """Send a mouse event to a place of the chart, in parts of its width and height."""
    browser.execute_script("document.getElementById('chart').scrollIntoView({block: 'center'})")
    rectangle = f"{PLOT}.over.getBoundingClientRect()"
    left, top, width, height = script(
        browser, f"(({{left, top, width, height}}) => [left, top, width, height])({rectangle})"
    )
    place = {"type": kind, "x": left + x * width, "y": top + y * height, "button": "left"}
    browser.execute_cdp_cmd("Input.dispatchMouseEvent", place | options)


def drag(browser, start, stop, **options):
    mouse(browser, "mouseMoved", *start, button="none", **options)
    mouse(browser, "mousePressed", *start, buttons=1, clickCount=1, **options)
    mouse(browser, "mouseMoved", *stop, buttons=1, **options)
    mouse(browser, "mouseReleased", *stop, clickCount=1, **options)


def test_the_pointer_names_the_nearest_point(browser, page):
    (_, line, _) = embedded(page)[0]["curves"]
    tip = "document.querySelector('#chart .tip')"
    assert script(browser, f"{tip}.hidden")
    x, y = line["epochs"]["x"][4], line["epochs"]["mean"][4]
    place = f"[{PLOT}.valToPos({x}, 'x'), {PLOT}.valToPos({y}, 'y')]"
    left, top = script(browser, place)
    width, height = script(browser, f"[{PLOT}.over.clientWidth, {PLOT}.over.clientHeight]")
    mouse(browser, "mouseMoved", left / width, top / height, button="none")
    wait_until(lambda: not script(browser, f"{tip}.hidden"))
    assert find(browser, "#chart .tip").text == f"{y:.2f} dB at epoch {x:.0f}\n{LAYERS[1]}"
    mouse(browser, "mouseMoved", left / width, -0.2, button="none")
    wait_until(lambda: script(browser, f"{tip}.hidden"))


def test_a_part_of_the_chart_is_enlarged_moved_and_left_with_the_mouse(browser):
    whole = ends(browser, "x"), ends(browser, "y")
    button = find(browser, "#whole")
    assert whole[0] == [1, EPOCHS]
    assert not button.is_enabled()
    drag(browser, (0.25, 0.25), (0.75, 0.75))
    assert ends(browser, "x") == pytest.approx([3, 7], abs=0.05)
    low, high = whole[1]
    inner = [low + (high - low) / 4, high - (high - low) / 4]
    assert ends(browser, "y") == pytest.approx(inner, rel=0.01)
    # Hiding a line, unlike another axis, leaves what is looked at.
    find(browser, "#legend input").send_keys(" ")
    assert ends(browser, "x") == pytest.approx([3, 7], abs=0.05)
    drag(browser, (0.5, 0.5), (0.25, 0.5), modifiers=8)  # Shift
    assert ends(browser, "x") == pytest.approx([4, 8], abs=0.05)
    mouse(browser, "mousePressed", 0.5, 0.5, clickCount=1)
    mouse(browser, "mouseReleased", 0.5, 0.5, clickCount=1)
    mouse(browser, "mousePressed", 0.5, 0.5, clickCount=2)
    mouse(browser, "mouseReleased", 0.5, 0.5, clickCount=2)
    assert ends(browser, "x") == whole[0]
    # A flat rectangle enlarges one axis alone.
    drag(browser, (0.25, 0.5), (0.75, 0.5))
    assert ends(browser, "x") == pytest.approx([3, 7], abs=0.05)
    button.click()
    assert ends(browser, "x") == whole[0]
    assert not button.is_enabled()


def test_a_part_of_the_chart_is_enlarged_with_the_keyboard(browser):
    chart, whole = find(browser, "#chart"), ends(browser, "x")
    chart.send_keys("\ue012")  # arrow left: there is nothing to move
    assert ends(browser, "x") == whole
    chart.send_keys("++")
    low, high = ends(browser, "x")
    assert high - low == pytest.approx(0.64 * (EPOCHS - 1), rel=0.01)
    chart.send_keys("\ue014")  # arrow right
    assert ends(browser, "x") == pytest.approx([low + (high - low) / 10, high + (high - low) / 10])
    chart.send_keys("---")
    assert ends(browser, "x") == whole
    choose(browser, "axis", "work")
    find(browser, "#logarithmic").send_keys(" ")
    whole = ends(browser, "x")
    chart.send_keys("+")
    low, high = ends(browser, "x")
    assert math.log(high / low) == pytest.approx(0.8 * math.log(whole[1] / whole[0]), rel=0.01)
    chart.send_keys("0")
    assert ends(browser, "x") == whole
    drag(browser, (0.25, 0.25), (0.75, 0.75), modifiers=8)  # Shift: all has no place to move to
    assert ends(browser, "x") == whole


def test_paper_is_light_and_whole(browser):
    light = colours_of_chart(browser)
    show(browser, 1280, "dark")
    wait_until(lambda: colours_of_chart(browser) != light)
    dark = colours_of_chart(browser)
    width = script(browser, f"{PLOT}.width")
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert colours_of_chart(browser) == light
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    background = script(browser, "getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(255, 255, 255)"
    parts = "[...document.querySelectorAll('.scroll, #chart .uplot')]"
    assert script(browser, f"{parts}.every((each) => each.scrollWidth <= each.clientWidth)")
    assert script(browser, "document.getElementById('chart').offsetHeight > 200")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    show(browser, 1280, "dark")
    browser.execute_script("dispatchEvent(new Event('afterprint'))")
    wait_until(lambda: colours_of_chart(browser) == dark)
    assert script(browser, f"{PLOT}.width") == width


def test_charts_on_paper_do_not_depend_on_the_window(browser):
    sizes = []
    for width in (330, 1280):
        show(browser, width, "light")
        wait_until(lambda width=width: width - 200 < script(browser, f"{PLOT}.width") < width)
        browser.execute_script("dispatchEvent(new Event('beforeprint'))")
        sizes.append((script(browser, f"{PLOT}.width"), script(browser, f"{PLOT}.height")))
        browser.execute_script("dispatchEvent(new Event('afterprint'))")
    assert sizes[0] == sizes[1]
    assert sizes[0][0] > 2 * sizes[0][1]


def screens(browser):
    figures = "[...document.querySelectorAll('#screens figure')].slice(1)"
    return script(
        browser,
        f"{figures}.map((each) => [each.querySelector('img').src,"
        " each.querySelector('small').textContent])",
    )


def test_the_player_steps_with_the_keyboard(browser):
    last = screens(browser)
    assert [text.split(" ·")[0] for _, text in last] == [f"epoch {EPOCHS}"] * 3
    slider = find(browser, "#step")
    slider.send_keys("\ue011")  # home
    assert [text for _, text in screens(browser)] == ["untrained"] * 3
    assert find(browser, "#position").text == "epoch 0"
    slider.send_keys("\ue014\ue014")
    assert slider.get_attribute("aria-valuetext") == "epoch 2"
    assert all(text.startswith("epoch 2 · ") for _, text in screens(browser))
    assert all(now[0] != then[0] for now, then in zip(screens(browser), last, strict=True))


def test_the_player_is_in_step_by_seconds_too(browser, page):
    choose(browser, "pace", "seconds")
    slider = find(browser, "#step")
    for _ in range(20):
        slider.send_keys("\ue012")  # arrow left
    player = embedded(page)[0]["player"]
    now = player["seconds"][int(slider.get_attribute("value"))]
    assert 0 < now < player["seconds"][-1]
    assert float(find(browser, "#position").text.removesuffix(" s")) == pytest.approx(now, rel=0.01)
    for (_, text), reel in zip(screens(browser), player["reels"], strict=True):
        epoch = max(frame["epoch"] for frame in reel["frames"] if frame["seconds"] <= now)
        assert text.split(" ·")[0] == (f"epoch {epoch}" if epoch else "untrained")


TIMER = """
window.setInterval = (action, pause) => { window.timer = { action, pause }; return 1; };
window.clearInterval = () => { window.timer = null; };
"""
"""A clock that stands still until ``timer.action()`` is called."""


def test_the_player_plays_pauses_and_stops_at_the_end(browser):
    play, slider = find(browser, "#play"), find(browser, "#step")
    browser.execute_script(TIMER)
    play.send_keys(" ")
    assert play.text == "Pause"
    script(browser, "timer.action()")
    script(browser, "timer.action()")
    assert slider.get_attribute("value") == "2"
    play.send_keys(" ")
    assert play.text == "Play"
    assert script(browser, "timer") is None
    play.send_keys(" ")
    for step in range(3, EPOCHS + 1):
        assert play.text == "Pause"
        script(browser, "timer.action()")
        assert slider.get_attribute("value") == str(step)
    assert play.text == "Play"
    assert script(browser, "timer") is None


def test_another_picture_changes_everything(browser):
    before = screens(browser)
    assert find(browser, '[data-picture="0"]').is_displayed()
    choose(browser, "picture", "1")
    shown = "[...document.querySelectorAll('[data-picture]')].filter((each) => !each.hidden)"
    assert set(script(browser, f"{shown}.map((each) => each.dataset.picture)")) == {"1"}
    assert all(now[0] != then[0] for now, then in zip(screens(browser), before, strict=True))
    assert "3x7: 1 of 2 waiting" in find(browser, '[data-picture="1"] .remarks').text


def test_dark_follows_the_system_even_when_it_changes(browser):
    background = "getComputedStyle(document.body).backgroundColor"
    light = colours_of_chart(browser)
    show(browser, 1280, "dark")
    wait_until(lambda: not set(colours_of_chart(browser).values()) & set(light.values()))
    assert sum(int(part) for part in script(browser, background)[4:-1].split(",")) < 120


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_told_from_its_background(browser, scheme):
    show(browser, 1280, scheme)

    def luminance(name):
        style = "getComputedStyle(document.documentElement)"
        text = script(browser, f"{style}.getPropertyValue('--{name}').trim()")
        parts = [int(text[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))

    def contrast(one, other):
        low, high = sorted((luminance(one), luminance(other)))
        return (high + 0.05) / (low + 0.05)

    for name in ("ink", "soft", "accent", "good"):
        assert contrast(name, "card") >= 4.5
        assert contrast(name, "page") >= 4.5
    assert contrast("on-accent", "accent") >= 4.5
    for number in range(7):
        assert contrast(f"series-{number}", "card") >= 3


def test_a_phone_does_not_scroll_sideways(browser):
    show(browser, 390, "light")
    wait_until(lambda: script(browser, "document.getElementById('chart').clientWidth") < 390)
    wait_until(lambda: script(browser, "document.documentElement.scrollWidth") <= 390)
    table = "document.querySelector('.scroll')"
    assert script(browser, f"{table}.scrollWidth > {table}.clientWidth")


def test_less_motion_means_a_slower_player(browser):
    play, pauses = find(browser, "#play"), []
    browser.execute_script(TIMER)
    for motion in ("no-preference", "reduce"):
        show(browser, 1280, "light", motion)
        play.click()
        pauses.append(script(browser, "timer.pause"))
        play.click()
    assert pauses[1] >= 4 * pauses[0]
