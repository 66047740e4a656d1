"""The report in a real browser: it opens offline, sorts, slides, turns, and shows what was left out.

Needs Chromium or Chrome on the PATH (or named by PELLUCID_CHROMIUM); without one the test is skipped and says so, with
PELLUCID_REQUIRE_BROWSER=1 it fails.
"""

import dataclasses
import os
import re
import shutil

import cv2
import numpy as np
import pytest

from pellucid.clip import InputError, Prediction
from pellucid.evaluate.collection import write_tables_and_report
from pellucid.evaluate.protocol import Item
from pellucid.evaluate.run import run
from three_boxes import CLIPS, Estimate, a_job, benchmark

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


class Normals:
    """Normals that face the camera."""

    def __call__(self, rgb):
        values = np.zeros(rgb.shape, np.float32)
        values[..., 2] = -1
        return Prediction(quantity="normals", invariance="none", values=values)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The report of a good and a worse estimator of depth and one of normals; one clip of each cannot be read."""

    def unreadable():
        raise InputError("its frames are </script> gone")

    tilted = np.array([0, -np.sin(0.5), -np.cos(0.5)], np.float32)
    clips = {n: dataclasses.replace(c, normals=np.broadcast_to(tilted, (*c.depth.shape, 3))) for n, c in CLIPS.items()}
    items = [Item(name=n, read=lambda c=c: c) for n, c in clips.items()] + [Item(name="lost", read=unreadable)]
    items[0] = dataclasses.replace(items[0], left_out="2 of 5 pictures are left out: no depth is within 0.02 s of them")
    bench = dataclasses.replace(benchmark(), find=lambda *_: items)
    out = tmp_path_factory.mktemp("report")
    for name, estimator in (("good", Estimate()), ("worse", Estimate(0.2)), ("facing", Normals())):
        run(a_job(out, estimator, name, bench), lambda _: None)
    return write_tables_and_report(out, 2)[-1]


def test_the_page_asks_for_nothing_from_elsewhere(page):
    text = page.read_text(encoding="utf-8")
    assert not re.findall(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//|url\(\s*["']?http|@import|<link""", text)
    assert text.count("</script>") == 2, "no value ends the script that holds the data"
    assert len(text) < 2_000_000


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
    path = os.environ.get("PELLUCID_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        message = "no Chromium or Chrome on the PATH; install one, or name it in PELLUCID_CHROMIUM"
        pytest.fail(message) if os.environ.get("PELLUCID_REQUIRE_BROWSER") == "1" else pytest.skip(message)
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, page):
    """The page, and what it complained of or asked for."""
    tab = browser.new_page(viewport={"width": 1200, "height": 900})
    trouble = []
    tab.on("console", lambda message: trouble.append(message.text))
    tab.on("pageerror", lambda error: trouble.append(str(error)))
    tab.on("request", lambda r: trouble.append(r.url) if not r.url.startswith(("file:", "data:")) else None)
    tab.goto(page.as_uri())
    yield tab
    assert not trouble
    tab.close()


def pixels(shot):
    return cv2.imdecode(np.frombuffer(shot, np.uint8), cv2.IMREAD_COLOR)


def test_it_shows_the_results_the_worst_clips_and_what_was_left_out(opened, tmp_path):
    assert opened.title() == "facing, good, worse on clearpose"
    assert "3 clips were left out" in opened.inner_text("#left-out")
    assert "lost (good): its frames are </script> gone" in opened.inner_text("#left-out")
    opened.get_by_text("Clips without some of their frames: 3").click()
    assert "one (worse): 2 of 5 pictures are left out: no depth" in opened.inner_text("#left-out")
    summary = opened.inner_text("#summary")
    assert "DKT Table I" in summary and "9.72" in summary
    opened.get_by_role("button", name="worse", exact=True).click()
    names = opened.locator("#clips tbody tr td:first-child").all_inner_texts()
    assert names == ["three", "two/a", "one"], "the worst first"
    assert opened.locator("#clips tbody img").count() == 2, "two are pictured"
    assert opened.inner_text("#clip h2") == "three"
    assert "2 seams between windows (dashed), 1 of them large (red)" in opened.inner_text("#clip")
    shot = opened.screenshot(path=tmp_path / "report.png", full_page=True)
    picture = pixels(shot)
    assert picture.shape[1] == 1200 and picture.std() > 20, "not a blank page"


def test_tables_sort_and_regions_change(opened):
    opened.get_by_role("button", name="good", exact=True).click()
    head = opened.locator("#clips th", has_text="REL %").first
    column = head.evaluate("th => [...th.parentNode.children].indexOf(th)")
    values = lambda: [float(x) for x in opened.locator(f"#clips tbody td:nth-child({column + 1})").all_inner_texts()]  # noqa: E731
    assert values() == sorted(values(), reverse=True)
    head.click()
    assert values() == sorted(values()) and head.get_attribute("aria-sort") == "ascending"
    opened.locator("#clips th", has_text="clip").first.click()
    assert opened.locator("#clips tbody td:first-child").all_inner_texts() == ["one", "three", "two/a"]
    before = opened.inner_text("#summary tbody >> nth=0")
    opened.get_by_role("button", name="Glass alone").first.click()
    assert opened.inner_text("#summary tbody >> nth=0") != before
    opened.get_by_text("Every metric").click()
    assert "TAE %" in opened.inner_text("#summary details")


def test_it_fits_a_phone(opened):
    opened.set_viewport_size({"width": 390, "height": 800})
    opened.get_by_role("button", name="worse", exact=True).click()
    assert opened.locator("#clip table").count() == 1, "the seams"
    assert opened.evaluate("document.documentElement.scrollWidth") == 390, "only tables scroll sideways"
    drawn, shown = opened.locator("#clip svg").first.evaluate("s => [s.viewBox.baseVal.width, s.clientWidth]")
    assert abs(drawn - shown) <= 4, "the words in a chart keep their size"
    name = opened.locator("#clips tbody td:first-child").first
    opened.locator("#clips .wide").evaluate("box => { box.scrollLeft = 200; }")
    assert name.bounding_box()["x"] > 0, "names stay in sight while numbers scroll"


def test_the_slider_slides_and_frames_change(opened):
    opened.get_by_role("button", name="good", exact=True).click()
    picture = opened.locator(".compare").first
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    before = pixels(picture.screenshot())
    middle = box["y"] + box["height"] / 2
    opened.mouse.move(box["x"] + 0.33 * box["width"], middle)
    opened.mouse.down()
    opened.mouse.move(box["x"] + 0.05 * box["width"], middle, steps=4)
    opened.mouse.up()
    after = pixels(picture.screenshot())
    changed = np.abs(after.astype(int) - before).max(axis=(0, 2)) > 20
    width = changed.size
    assert changed[int(0.1 * width) : int(0.3 * width)].mean() > 0.8, "RGB gave way to the prediction"
    assert not changed[int(0.75 * width) : int(0.95 * width)].any(), "the truth stays"
    assert opened.locator(".handle").nth(0).get_attribute("aria-valuenow") == "5"
    opened.locator(".handle").nth(1).focus()
    opened.keyboard.press("ArrowRight")
    assert opened.locator(".handle").nth(1).get_attribute("aria-valuenow") == "69"
    colours = opened.locator(".compare img[alt=prediction]")
    source = colours.get_attribute("src")
    opened.locator("#clip").get_by_role("button", name="2", exact=True).click()
    assert opened.locator("#clip").get_by_role("button", name="2", exact=True).get_attribute("aria-pressed") == "true"
    assert source.startswith("data:image/jpeg;base64,") and colours.get_attribute("src") != source


def test_the_cloud_turns(opened):
    opened.get_by_role("button", name="good", exact=True).click()
    canvas = opened.locator("canvas")
    canvas.scroll_into_view_if_needed()
    before = pixels(canvas.screenshot())
    assert (before.min(axis=-1) < 200).mean() > 0.05, "points are there"
    box = canvas.bounding_box()
    opened.mouse.move(box["x"] + 100, box["y"] + 100)
    opened.mouse.down()
    opened.mouse.move(box["x"] + 220, box["y"] + 140, steps=3)
    opened.mouse.up()
    turned = pixels(canvas.screenshot())
    assert (np.abs(turned.astype(int) - before).max(axis=-1) > 20).mean() > 0.02
    opened.get_by_role("button", name="both (truth teal)").click()
    both = pixels(canvas.screenshot())
    assert (np.abs(both.astype(int) - (107, 121, 0)).max(axis=-1) < 8).mean() > 0.005, "BGR of teal"


def test_normals_have_colours_and_no_cloud(opened):
    opened.get_by_role("button", name="facing", exact=True).click()
    text = opened.inner_text("#clip")
    assert "right is red" in text and "normals are predicted" in text and "mean 28.65 °" in text
    assert opened.locator("canvas").count() == 0
