"""The demo's page, driven in a headless Chromium as a visitor would.

Screenshots are written to the folder of the environment variable SCREENSHOTS, if it is set.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import soundfile

pytest.importorskip("gradio")

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

CLIP = Path(__file__).parents[2] / "examples" / "arctic_a0016.wav"
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
SECONDS = 120
"""To wait at most for what takes one on an idle machine."""

Opened = Callable[..., Page]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium on the PATH"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


@pytest.fixture
def opened(browser: Browser, demo_url: str) -> Iterator[Opened]:
    """Opens the page of a new visitor; pages left open would slow down all that come later."""
    contexts = []

    def opened(width: int = 1280, theme: Literal["light", "dark"] = "light") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, reduced_motion="reduce"
        )
        contexts.append(context)
        context.set_default_timeout(SECONDS * 1000)
        expect.set_options(timeout=SECONDS * 1000)
        page = context.new_page()
        page.goto(demo_url)
        button(page, "Make sound").wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True).locator("visible=true")


def upload(page: Page, path: Path) -> None:
    """Gives the tab that is shown a sound, and waits until the server has it."""
    tab = page.locator("[role=tabpanel]").locator("visible=true")
    tab.locator("input[type=file]").first.set_input_files(path)
    clear(page).wait_for()


def clear(page: Page) -> Locator:
    """The button that takes the sound out again."""
    return page.get_by_role("button", name="Clear").locator("visible=true").first


def tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).locator("visible=true").click()


def shoot(page: Page, name: str) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        page.wait_for_timeout(1000)  # for what is being faded in
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def figures(page: Page) -> Locator:
    """What is said of a run once it is over."""
    return page.get_by_text("real-time factor")


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second and a half of speech."""
    path = tmp_path_factory.mktemp("short") / "short.wav"
    wave, rate = soundfile.read(CLIP)
    soundfile.write(path, wave[rate // 2 : 2 * rate], rate)
    return path


def test_a_visitor_uploads_a_sound_and_hears_what_the_model_makes(
    opened: Opened, tmp_path: Path
) -> None:
    page = opened()
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    upload(page, tmp_path / "bad.wav")
    button(page, "Make sound").click()
    expect(page.get_by_text(re.compile(r"^bad\.wav cannot be read as sound"))).to_be_visible()
    assert "Traceback" not in page.content()
    shoot(page, "wrong-file")
    clear(page).click()
    upload(page, CLIP)
    page.get_by_text("0:04").first.wait_for()
    button(page, "Make sound").click()
    said = figures(page).inner_text()
    assert float(re.findall(r"PESQ (\d\.\d+)", said)[0]) > 3.5
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").last.click()
    assert Path(download.value.path()).stat().st_size > 2 * 22050
    expect(page.get_by_role("img", name="plot")).to_be_visible()
    shoot(page, "vocode")


def test_cancel_stops_a_run_and_the_next_one_is_whole(opened: Opened, tmp_path: Path) -> None:
    page = opened()
    # So long that a busy machine shows some steps before it has taken all.
    wave, rate = soundfile.read(CLIP)
    soundfile.write(tmp_path / "long.wav", np.tile(wave, 4), rate)
    upload(page, tmp_path / "long.wav")
    page.get_by_role("spinbutton", name=re.compile("Steps")).fill("32")
    button(page, "Make sound").click()
    page.get_by_text(re.compile(r"step \d+ of 32")).wait_for()  # it may have missed the first
    running = page.locator(".generating").locator("visible=true")
    expect(running.first).to_be_visible()
    button(page, "Cancel").click()
    expect(running).to_have_count(0)  # the step under way ends first; until then no run starts
    reached = page.get_by_text("of 32").inner_text()
    assert int(reached.split()[1]) < 32
    page.wait_for_timeout(1500)
    assert page.get_by_text("of 32").inner_text() == reached
    page.get_by_role("spinbutton", name=re.compile("Steps")).fill("1")
    button(page, "Make sound").click()
    expect(figures(page)).to_be_visible()


def test_a_visitor_compares_and_takes_the_blind_test(opened: Opened, short: Path) -> None:
    page = opened()
    tab(page, "Compare")
    upload(page, short)
    button(page, "Compare").click()
    row = page.get_by_role("row").filter(has_text="Griffin-Lim")
    expect(row.first).to_be_visible()
    page.get_by_text("Blind test: which of the two is X?").click()
    button(page, "X is A").click()
    expect(page.get_by_text("there is no trial; start a new one first")).to_be_visible()
    expect(page.get_by_label("B", exact=True)).to_have_value("2 steps")
    button(page, "New trial").click()
    page.get_by_text("Listen, then say whether X is A or B.").wait_for()
    button(page, "X is B").click()
    expect(page.get_by_text("of 1 right so far.")).to_be_visible()
    shoot(page, "compare")


def test_a_visitor_sees_the_run_step_by_step(opened: Opened, short: Path) -> None:
    page = opened()
    tab(page, "See the diffusion")
    upload(page, short)
    button(page, "Show the run").click()
    expect(page.get_by_text("step 2, t = ").first).to_be_visible()
    shoot(page, "steps")


def test_a_visitor_makes_sounds_of_labels_and_compares_scales(opened: Opened) -> None:
    page = opened()
    tab(page, "Generate")
    button(page, "Compare scales from 0 to this one").click()
    expect(page.get_by_text("scales differ only with a label; choose one")).to_be_visible()
    page.get_by_label("digit").click()
    page.get_by_role("option", name="one").click()
    button(page, "Make 8 sounds").click()
    expect(page.get_by_text("seed 7")).to_be_visible()
    expect(page.get_by_role("img", name="plot").locator("visible=true")).to_be_visible()
    shoot(page, "generate")
    page.get_by_role("spinbutton", name=re.compile("Guidance scale")).fill("3.5")
    button(page, "Compare scales from 0 to this one").click()
    expect(page.get_by_text("scale 3.5")).to_be_visible()
    shoot(page, "scales")


def test_a_visitor_marks_a_part_and_fills_it(opened: Opened) -> None:
    page = opened()
    tab(page, "Edit")
    page.locator("[role=tabpanel] input[type=file]").locator("nth=-1").set_input_files(CLIP)
    waveform = page.get_by_role("img", name="plot").locator("visible=true")
    expect(waveform).to_be_visible()
    first = waveform.get_attribute("src")
    page.get_by_role("spinbutton", name=re.compile(r"Start \(s\)")).fill("1.8")
    expect(waveform).not_to_have_attribute("src", first or "")
    button(page, "Fill the marked part").click()
    expect(page.get_by_text("synthetic: from 1.8 to 1.947 s")).to_be_visible()
    expect(waveform).to_have_count(2)  # the spectrograms
    shoot(page, "edit")


def test_two_visitors_see_their_own_results(opened: Opened, short: Path) -> None:
    visits = [(opened(), path) for path in (CLIP, short)]
    for page, path in visits:
        upload(page, path)
    for page, _ in visits:
        button(page, "Make sound").click()
    said = [figures(page).inner_text().split()[0] for page, _ in visits]
    assert said == [f"{soundfile.info(CLIP).duration:.1f}", "1.5"]


@pytest.mark.parametrize(("width", "theme"), [(390, "light"), (1280, "dark")])
def test_it_fits_a_phone_and_the_dark_and_needs_no_mouse(
    opened: Opened, short: Path, width: int, theme: Literal["light", "dark"]
) -> None:
    page = opened(width, theme)
    upload(page, short)
    page.get_by_role("tab", name="Vocode").locator("visible=true").focus()
    for _ in range(40):  # past the players and the choices
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText").strip() == "Make sound":
            break
    page.keyboard.press("Enter")
    expect(figures(page)).to_be_visible()
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    red, green, blue = re.findall(
        r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor")
    )[:3]
    brightness = (int(red) + int(green) + int(blue)) / 3
    assert brightness < 64 if theme == "dark" else brightness > 192
    shoot(page, f"{theme}-{width}")
