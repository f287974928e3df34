"""The page in a real browser: what people see, and what they press."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from browser import find, script, show
from fit_image.apps.fit.architecture import make_network
from fit_image.images.io import save_image
from fit_image.live.server import LiveServer
from runs import make_board, make_run, reel_of, write_epoch
from shell import wait_until

HOSTILE = '"><script>alert(1)<\\script><b>.png'
ENTER, ESCAPE, END, RIGHT = "\ue007", "\ue00c", "\ue010", "\ue014"


class Stage:
    """A page in the browser, of one run or of several."""

    def __init__(self, browser, server, runs):
        self.browser, self.server, self.board, self.runs = browser, server, server.board, runs
        browser.get(server.url)

    def write(self, epoch, psnr=20.0, runs=None):
        for number, run in enumerate(self.runs if runs is None else runs):
            write_epoch(run, epoch, None if psnr is None else psnr + number, loss=1 / (1 + epoch))
            key = f"run{number}" if len(self.runs) > 1 else "run"
            self.board.tell_of(key, epochs=epoch, seconds=float(epoch), share=epoch / 9)
        self.board.tell(share=epoch / 9)

    def text(self, name):
        return script(self.browser, f"document.getElementById('{name}').textContent")

    def wait_for(self, name, text):
        wait_until(lambda: text in self.text(name), 20)

    def level(self, name):
        """Return the red of a canvas's middle."""
        middle = "(each => [...each.getContext('2d').getImageData(each.width / 2, 5, 1, 1).data])"
        return script(self.browser, f"{middle}(document.getElementById('{name}'))[0]")

    def figures(self):
        rows = "[...document.querySelectorAll('#figures > div')]"
        pairs = f"{rows}.map((each) => [...each.children].map((part) => part.textContent))"
        return dict(script(self.browser, pairs))


@pytest.fixture
def stage(chromium, tmp_path):
    """Return a function that opens a page, 1280 pixels wide and light, of some runs."""
    servers = []

    def open_page(count=1, **options):
        runs = [make_run(tmp_path / f"run{number}", **options) for number in range(count)]
        reels = [reel_of(runs[0])]
        if count > 1:
            reels = [
                reel_of(run, f"run{number}", f"net {number}", number)
                for number, run in enumerate(runs)
            ]
        servers.append(LiveServer(make_board(*reels, title=options.get("name", "cat.png"))))
        servers[0].__enter__()
        show(chromium, 1280, "light")
        return Stage(chromium, servers[0], runs)

    yield open_page
    chromium.get("about:blank")
    servers[0].__exit__(KeyboardInterrupt)
    messages = [entry["message"] for entry in chromium.get_log("browser")]
    # Chromium reports a server that is gone by itself.
    assert not [each for each in messages if "net::ERR_" not in each]


def test_it_shows_what_is_learned_as_it_is_learned(stage):
    page = stage()
    page.wait_for("painted-caption", "untrained")
    page.write(1, 12.345)
    page.wait_for("painted-caption", "epoch 1 · 12.35 dB")
    assert page.level("painted") == 1
    assert page.level("target") == 100
    assert page.level("difference") == 255  # four times as strong, and not more than white
    page.write(90, 20.5)
    page.wait_for("painted-caption", "epoch 90 · 20.50 dB")
    assert page.level("difference") == 40
    figures = page.figures()
    assert figures["PSNR (dB)"] == "20.50"
    assert figures["speed"].endswith(" pixels/s")
    assert page.browser.title == "20.50 dB · cat.png"
    assert page.text("banner") == "learning"


def test_transparent_frames_are_seen_before_their_background(stage):
    page = stage(background="#0000ff", channels="rgba")
    page.wait_for("painted-caption", "untrained")
    picture = np.zeros((16, 24, 4), dtype=np.uint8)
    page.runs[0].write_frame(1, picture)
    save_image(page.runs[0].target, picture)
    page.runs[0].metrics.append(type(page.runs[0]).metrics_type(1, 0.1, 20.0, 1.0))
    page.board.tell(share=0.1)
    page.wait_for("painted-caption", "epoch 1")
    data = "document.getElementById('painted').getContext('2d').getImageData(3, 3, 1, 1).data"
    assert script(page.browser, f"[...{data}]") == [0, 0, 255, 255]


def test_the_slider_goes_back_by_keyboard_and_newest_forth(stage):
    page = stage()
    for epoch in range(1, 6):
        page.write(epoch, 10.0 + epoch)
    page.wait_for("painted-caption", "epoch 5")
    slider = find(page.browser, "#step")
    assert slider.get_attribute("max") == "5"
    slider.send_keys("\ue012")  # arrow left
    page.wait_for("painted-caption", "epoch 4 · 14.00 dB")
    assert page.text("position") == "epoch 4"
    assert slider.get_attribute("aria-valuetext") == "epoch 4"
    slider.send_keys("\ue011")  # home
    page.wait_for("painted-caption", "untrained")
    page.write(6, 16.0)  # which does not move what somebody looks at
    wait_until(lambda: slider.get_attribute("max") == "6")
    assert slider.get_attribute("value") == "0"
    assert page.text("painted-caption") == "untrained"
    find(page.browser, "#newest").send_keys(ENTER)
    page.wait_for("painted-caption", "epoch 6")
    slider.send_keys("\ue011")
    slider.send_keys(END)
    page.wait_for("painted-caption", "epoch 6")
    page.write(7, 17.0)
    page.wait_for("painted-caption", "epoch 7")


def test_play_shows_all_frames_and_follows_again(stage):
    page = stage()
    for epoch in range(1, 5):
        page.write(epoch)
    page.wait_for("painted-caption", "epoch 4")
    find(page.browser, "#play").send_keys(" ")
    assert page.text("play") == "Pause"
    wait_until(lambda: page.text("play") == "Play")
    page.write(5)
    page.wait_for("painted-caption", "epoch 5")


def paths(browser, chart):
    lines = f"document.querySelectorAll('.charts figure')[{chart}]?.querySelectorAll('.line') ?? []"
    return script(browser, f"[...{lines}].map((each) => each.getAttribute('d'))")


def test_charts_are_against_epochs_and_seconds(stage):
    page = stage()
    page.wait_for("charts", "after the first epoch")
    for epoch in range(1, 6):
        write_epoch(page.runs[0], epoch, 10.0 + epoch, seconds=epoch**2, loss=10.0**-epoch)
    write_epoch(page.runs[0], 6, None, seconds=36.0, loss=1e-6)  # not drawn
    write_epoch(page.runs[0], 7, math.inf, seconds=49.0, loss=1e-7)
    page.board.tell(share=0.7)
    page.wait_for("painted-caption", "epoch 7 · exact")
    wait_until(lambda: paths(page.browser, 1))
    titles = page.browser.find_elements("css selector", ".charts h3")
    assert [title.text.split("\n")[0] for title in titles] == ["PSNR (dB)", "Loss"]
    (psnr,), (loss,) = (paths(page.browser, chart) for chart in (0, 1))
    assert psnr.count("L") == 4
    assert loss.count("L") == 6
    # The loss falls by a tenth an epoch, on a logarithmic axis: a straight line.
    points = [tuple(map(float, each.split())) for each in loss[1:].split("L")]
    steps = {round(b[1] - a[1]) for a, b in itertools.pairwise(points)}
    assert max(steps) - min(steps) <= 1
    find(page.browser, "[name=axis][value=epochs]").send_keys(RIGHT)
    assert paths(page.browser, 1) != [loss]
    find(page.browser, "#logarithmic").send_keys(" ")
    assert len(paths(page.browser, 1)) == 1
    texts = script(
        page.browser, "[...document.querySelectorAll('.charts text')].map(t => t.textContent)"
    )
    assert not [text for text in texts if "NaN" in text or "Infinity" in text]


def test_a_press_on_a_chart_shows_the_frame_of_that_moment(stage):
    page = stage()
    for epoch in range(1, 8):
        page.write(epoch)
    page.wait_for("painted-caption", "epoch 7")
    wait_until(lambda: paths(page.browser, 0))
    page.browser.execute_script(
        "const svg = document.querySelector('.charts svg');"
        "const box = svg.getBoundingClientRect();"
        "const x = box.left + 52 + (box.width - 64) * 3 / 7;"
        "svg.dispatchEvent(new PointerEvent('pointerdown', {clientX: x, clientY: box.top + 50}))"
    )
    page.wait_for("painted-caption", "epoch 3")


def test_stop_asks_first_and_then_stops(stage):
    page = stage()
    page.wait_for("banner", "learning")
    find(page.browser, "#stop").send_keys(ENTER)
    page.browser.switch_to.active_element.send_keys(ESCAPE)
    assert not page.board.stop_asked.is_set()
    find(page.browser, "#stop").click()
    find(page.browser, "#stop-now").send_keys(ENTER)
    assert page.board.stop_asked.wait(20)
    page.wait_for("banner", "stopping")
    assert not find(page.browser, "#stop").is_enabled()
    page.board.tell(state="interrupted")
    page.wait_for("banner", "stopped; all that was learned is kept")


def test_a_larger_picture_is_drawn_and_can_be_saved(stage):
    page = stage()
    page.write(1)
    page.wait_for("painted-caption", "epoch 1")
    network = make_network(page.runs[0].manifest.fit, (24, 16), 3)
    page.board.reel("run").network = lambda: network
    find(page.browser, "#larger").send_keys(ENTER)
    page.wait_for("larger-status", "96 x 64 pixels")
    wait_until(lambda: find(page.browser, "#save").is_displayed())
    assert find(page.browser, "#save").get_attribute("download") == "cat-x4.png"
    find(page.browser, "[name=scale][value='4']").send_keys(RIGHT)
    page.wait_for("larger-status", "192 x 128 pixels")
    page.browser.switch_to.active_element.send_keys(ESCAPE)
    wait_until(lambda: not find(page.browser, "#larger-dialog").is_displayed())


def test_when_the_program_has_ended_the_page_keeps_its_frames(stage):
    page = stage()
    for epoch in range(1, 6):
        page.write(epoch)
        page.wait_for("painted-caption", f"epoch {epoch}")
    page.board.tell(state="done")
    page.server.__exit__()
    page.wait_for("banner", "done")
    slider = find(page.browser, "#step")
    for epoch in (4, 3):
        slider.send_keys("\ue012")
        page.wait_for("painted-caption", f"epoch {epoch}")
    assert not find(page.browser, "#larger").is_enabled()


def test_a_program_that_is_killed_is_missed(stage):
    page = stage()
    page.wait_for("banner", "learning")
    page.server.board.end = lambda: None
    page.server.__exit__(KeyboardInterrupt)
    page.wait_for("banner", "connection lost")


def test_a_sweep_shows_all_trials_in_step(stage):
    page = stage(count=3)
    for epoch in range(1, 4):
        page.write(epoch)
    page.write(4, runs=page.runs[:1])
    page.board.tell(trials=5, ended=0)
    wait_until(lambda: "epoch 4" in page.text("screens"))
    assert page.text("screens").count("dB") == 3
    assert "2 more trials" in page.text("trials-note")
    assert page.figures()["trials done"] == "0 of 5"
    page.board.tell(trials=4)
    page.wait_for("trials-note", "1 more trial waits, or has ended with less.")
    find(page.browser, "#step").send_keys("\ue011", RIGHT, RIGHT)
    for number in range(3):
        wait_until(lambda text=f"epoch 2 · {20 + number}.00 dB": text in page.text("screens"))
    # A press on one shows it above.
    page.browser.find_elements("css selector", "#screens button")[2].send_keys(ENTER)
    page.wait_for("painted-caption", "epoch 2 · 22.00 dB")
    assert page.figures()["of them, shown"] == "net 2"
    assert len(paths(page.browser, 0)) == 3
    page.browser.find_elements("css selector", "#legend input")[0].send_keys(" ")
    assert len(paths(page.browser, 0)) == 2
    find(page.browser, "[name=pace][value=epochs]").send_keys(RIGHT)
    page.wait_for("position", "4.00 s")
    # One that is not shown any more is gone, and what was chosen with it.
    page.board.take_away("run2")
    wait_until(lambda: page.text("screens").count("dB") == 2)
    page.wait_for("painted-caption", "20.00 dB")


def test_names_are_text(stage):
    page = stage(name=HOSTILE)
    page.wait_for("title", HOSTILE)
    assert script(page.browser, "document.querySelectorAll('h1 *, b').length") == 0


def test_nothing_is_asked_of_another_host(stage):
    page = stage()
    page.write(1)
    page.wait_for("painted-caption", "epoch 1")
    names = script(
        page.browser, "performance.getEntriesByType('resource').map((each) => each.name)"
    )
    assert len(names) > 4
    assert all(name.startswith((page.server.url, "data:")) for name in names)


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_phones_in_light_and_dark(stage, width, scheme):
    page = stage(count=2, epochs=100_000)
    show(page.browser, width, scheme)
    for epoch in range(1, 4):
        page.write(epoch)
    wait_until(lambda: "epoch 3" in page.text("screens"))
    assert script(page.browser, "document.documentElement.scrollWidth") <= width
    colours = (
        "[...document.querySelectorAll('h1, .facts, dt, dd, figcaption, .note, .charts text')]"
        ".map((each) => getComputedStyle(each).fill === 'rgb(0, 0, 0)'"
        " ? getComputedStyle(each).color : getComputedStyle(each).fill)"
    )
    background = script(page.browser, "getComputedStyle(document.body).backgroundColor")
    for colour in script(page.browser, colours):
        assert contrast(colour, background) >= 4.5


@pytest.mark.parametrize("width", [320, 420, 700, 900, 1280])
def test_figures_are_not_in_each_others_way(stage, width):
    page = stage(epochs=10_000_000)
    show(page.browser, width, "light")
    for epoch in range(1, 4):
        page.write(epoch)
    page.board.tell_of("run", epochs=9_000_000.0, seconds=400.0)
    page.wait_for("figures", "9,000,000 of 10,000,000")
    page.wait_for("figures", " pixels/s")
    wide = (
        "[...document.querySelectorAll('#figures dt, #figures dd')]"
        ".filter((each) => each.scrollWidth > each.clientWidth).map((each) => each.textContent)"
    )
    assert script(page.browser, wide) == []


def test_a_trial_that_has_drawn_nothing_has_a_place_for_it(stage, tmp_path):
    page = stage(count=2)
    late = make_run(tmp_path / "late")
    for drawn in late.frames.iterdir():
        drawn.unlink()
    page.board.put(reel_of(late, "late", "net 2", 2))
    page.write(1)
    page.wait_for("screens", "starting")
    sizes = (
        "[...document.querySelectorAll('#screens canvas')]"
        ".map(({ offsetWidth, offsetHeight }) => [offsetWidth, offsetHeight])"
    )

    def are_alike():
        one, other, empty = script(page.browser, sizes)
        return one == other == empty and one[0] > one[1]

    wait_until(are_alike, 20)
    seen = "getComputedStyle(document.querySelectorAll('#screens canvas')[2]).backgroundColor"
    card = "getComputedStyle(document.getElementById('screens')).backgroundColor"
    assert script(page.browser, seen) not in ("rgba(0, 0, 0, 0)", script(page.browser, card))


def contrast(one, other):
    """Return the ratio of two colours' luminances, as WCAG 2 defines it."""

    def luminance(colour):
        levels = [int(each) / 255 for each in colour[4:-1].split(",")]
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in levels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_everything_has_a_name(stage):
    page = stage(count=2)
    page.write(1)
    wait_until(lambda: "epoch 1" in page.text("screens"))
    unnamed = (
        "[...document.querySelectorAll('button, a[href], input, canvas[role], svg[role], dialog')]"
        ".filter((each) => !(each.textContent.trim() || each.getAttribute('aria-label')"
        " || each.getAttribute('aria-labelledby') || each.labels?.[0]?.textContent.trim()))"
        ".map((each) => each.outerHTML)"
    )
    assert script(page.browser, unnamed) == []
    assert script(page.browser, "document.querySelectorAll('h1').length") == 1
    sections = (
        "[...document.querySelectorAll('section')].filter("
        "(each) => !document.getElementById(each.getAttribute('aria-labelledby'))).length"
    )
    assert script(page.browser, sections) == 0
