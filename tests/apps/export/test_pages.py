"""Pages and shaders in a browser: what they draw, and the hands on them."""

from __future__ import annotations

import base64
import io
import json
import shutil
import time

import numpy as np
import pytest
from PIL import Image
from subjects import SUBJECTS, picture

from fit_image.apps.export.checks import compare, fitted, shown
from fit_image.apps.export.page import write_page
from fit_image.apps.export.shader import harness, write_shader
from fit_image.apps.export.subject import picture_subject
from fit_image.images.colours import to_uint8

# A browser takes seconds to start, and one is started for all of these.
WIDTH, HEIGHT = 70, 50


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    webdriver = pytest.importorskip("selenium.webdriver")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    if not (program and driver):
        pytest.skip("no chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in (
        *("--headless", "--no-sandbox", "--disable-dev-shm-usage", "--no-first-run"),
        *("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        f"--user-data-dir={tmp_path_factory.mktemp('profile')}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chromium = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield chromium
    chromium.quit()


def load(browser, folder, data, hash_=""):
    page = folder / "page.html"
    page.write_bytes(data)
    # Otherwise a page with another hash is the same page.
    browser.get("about:blank")
    browser.get(page.as_uri() + hash_)
    return page


def draw(browser, folder, data, subject):
    """Return the state of a page after it is asked for a picture."""
    (x, y), scale = fitted(subject, WIDTH, HEIGHT)
    load(browser, folder, data, f"#draw={WIDTH},{HEIGHT},{x},{y},{scale}")
    text = browser.find_element("css selector", "body").get_attribute("textContent")
    assert text.startswith("drawn:"), text[:1000]
    drawn = base64.b64decode(text.split(":")[1])
    return np.frombuffer(drawn, np.uint8).reshape(HEIGHT, WIDTH, 4)


def check(drawn, expected):
    difference = compare(drawn[..., : expected.shape[2]], expected)
    assert difference.most <= 1, difference
    assert difference.equal >= 0.99, difference


# The others have no shader of their own.
@pytest.mark.parametrize("name", [name for name in SUBJECTS if name not in ("none", "positional")])
def test_pages_and_shaders_draw_what_the_network_does(name, browser, tmp_path):
    subject = SUBJECTS[name]()
    expected = shown(subject, subject.network.predict, WIDTH, HEIGHT)
    assert np.ptp(expected) > 20  # a picture with something to see
    check(draw(browser, tmp_path, write_page(subject), subject), expected)
    white = shown(subject, subject.network.predict, WIDTH, HEIGHT, over_white=True)
    check(draw(browser, tmp_path, harness(write_shader(subject)), subject), white)


def test_a_page_of_half_draws_its_own_numbers(browser, tmp_path):
    from fit_image.apps.export.page import evaluate_page

    subject = SUBJECTS["grid"]()
    page = write_page(subject, half=True)
    expected = shown(subject, lambda inputs: evaluate_page(page, inputs), WIDTH, HEIGHT)
    check(draw(browser, tmp_path, page, subject), expected)


def script(browser, expression):
    return browser.execute_script(f"return {expression}")


def wait(browser, condition="waiting === null"):
    deadline = time.monotonic() + 30
    while not script(browser, condition):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def photograph(browser):
    """Return the canvas as it is: uint8 (height, width, 3)."""
    wait(browser)
    data = script(browser, "canvas.toDataURL()").split(",")[1]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))


def of_view(browser, subject):
    """Return the network's drawing of the view of the page."""
    width, height = script(browser, "[canvas.width, canvas.height]")
    x, y, k = script(browser, "[view.x, view.y, view.k]")
    (w, h), halves = subject.frame.size, (width / k / 2, height / k / 2)
    region = (x - halves[0]) / w, (y - halves[1]) / h, (x + halves[0]) / w, (y + halves[1]) / h
    colours = subject.network.predict(subject.inputs(width, height, region))
    return to_uint8(colours).reshape(height, width, -1)


def resize(browser, width, height):
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def find(browser, selector):
    return browser.find_element("css selector", selector)


def test_hands_move_the_picture(browser, tmp_path):
    subject = picture_subject(picture(), "a <b>picture")
    resize(browser, 320, 240)
    load(browser, tmp_path, write_page(subject))
    wait(browser, "view.k > 0")
    check(photograph(browser), of_view(browser, subject))
    assert find(browser, "h1").text == "a <b>picture"
    assert find(browser, "#zoom").get_attribute("value") == "1x"
    find(browser, "#closer").click()
    find(browser, "canvas").send_keys("\ue014")  # arrow right
    assert find(browser, "#zoom").get_attribute("value") == "1.5x"
    x, _, k = script(browser, "[view.x, view.y, view.k]")
    assert x == pytest.approx(13 + 60 / k)
    check(photograph(browser), of_view(browser, subject))
    wheel = "canvas.dispatchEvent(new WheelEvent('wheel', {deltaY: -4000, cancelable: true}))"
    browser.execute_script(wheel)
    assert script(browser, "view.k") > 1000 * k
    check(photograph(browser), of_view(browser, subject))
    find(browser, "#around").click()
    check(photograph(browser), of_view(browser, subject))
    resize(browser, 390, 300)
    wait(browser, "canvas.width === 390")
    check(photograph(browser), of_view(browser, subject))


def test_latents_have_a_slider_each(browser, tmp_path):
    subject = SUBJECTS["digits"]()
    resize(browser, 500, 300)
    browser.get_log("performance")
    page = load(browser, tmp_path, write_page(subject))
    wait(browser, "view.k > 0")
    first = photograph(browser)
    assert script(browser, "[...find('class').options].map((option) => option.text)") == [
        "a<b",
        "7",
    ]
    assert script(browser, "find('class').value") == "1"
    assert len(browser.find_elements("css selector", "#sliders input")) == 3
    find(browser, "#another").click()
    second = photograph(browser)
    assert (first != second).any()
    move = "const slider = document.querySelector('#sliders input'); slider.value = slider.max;"
    browser.execute_script(f"{move} slider.dispatchEvent(new Event('input'))")
    assert (photograph(browser) != second).any()
    assert script(browser, "values[0]") == pytest.approx(
        float(find(browser, "#sliders input").get_attribute("max")), rel=1e-6
    )
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [
        each["params"]["request"]["url"]
        for each in events
        if each["method"] == "Network.requestWillBeSent"
    ]
    assert {*sent} <= {page.as_uri(), "about:blank"}
    assert not [entry for entry in browser.get_log("browser") if entry["level"] != "INFO"]
