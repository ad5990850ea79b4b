#!/usr/bin/env python3
"""Opens reports in a headless Chromium and checks what a reader would meet.

    python3 -m venv venv && venv/bin/pip install playwright      # Chromium comes from the system: apt-get install chromium
    venv/bin/python scripts/check_reports.py [--program target/release/gradiometer] [--shots DIR] [REPORT.html ...]

Without reports it makes them: the quickstart (r = 3), runs of rank 1, 2 and 5, one with floors, one that has not learned and one that
diverged, a sweep, a comparison, a verification and two studies. For each it checks that nothing is written to the console, nothing asked of the network, every figure has an accessible name and numbers to read instead,
every slider moves its neurons, and nothing is wider than the window, in both colour schemes, at a desk's and a phone's width, and that the
page shows the same last picture without scripts, and that print is dark on white, with a picture of every stage in place of the slider. A page
with each of these faults must be refused first. Exit code 1 if anything is wrong. With --shots the pages are also printed, as PDF.
"""

import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

from playwright.sync_api import sync_playwright

ROOT = pathlib.Path(__file__).resolve().parent.parent
WIDTHS = {"desk": 1280, "phone": 360}

EXPERIMENT = """seed = 3
[teacher]
dimension = {dimension}
rank = {rank}
neurons = {neurons}
separation = {separation}
smallest_eigenvalue = 0.2
[student]
neurons = {students}
[stage3]
epochs = {epochs}
steps = {steps}
step_size = {step_size}
"""

GRID = """
[sweep]
seed = [1, 2, 3]
student.neurons = [40, 80, 160]
stage3.decay = [0.5, 0.7]
"""

# A page with every fault that is looked for.
BROKEN = """<!DOCTYPE html><html lang="en"><body><main>
<figure data-frames="f"><svg viewBox="0 0 9 9"><g class="neurons"><circle r="1"/></g></svg>
<div class="slider"><input type="range" min="0" max="3" value="3"/></div></figure><figure data-frames="f"><svg viewBox="0 0 9 9"></svg></figure>
<div style="width:3000px">wide</div></main><style>body{background:#222}</style>
<script>console.error("a fault"); fetch("https://example.org/")</script></body></html>"""
FAULTS = ["console", "network", "accessible name", "numbers", "slider", "wider", "not white", "not shown once"]


def make_reports(program, folder):
    """Runs the program; returns the reports by name."""

    def gradiometer(*arguments, codes=(0,)):
        done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
        if done.returncode not in codes:
            raise SystemExit(f"{' '.join(map(str, arguments))} ended with {done.returncode}:\n{done.stderr}")

    reports = {}
    gradiometer("train", ROOT / "examples/quickstart.toml", "--out", folder / "quickstart", "--quiet")
    gradiometer("train", ROOT / "examples/floor.toml", "--out", folder / "floor", "--quiet")
    usual = {"students": 100, "epochs": 10, "steps": 2000, "step_size": 0.5}
    plane = {"dimension": 10, "rank": 2, "neurons": 3, "separation": 0.6}
    made = {
        "line": usual | {"dimension": 8, "rank": 1, "neurons": 1, "separation": 0},
        "plane": usual | plane,
        "five": usual | {"dimension": 8, "rank": 5, "neurons": 5, "separation": 0.8},
        # Few steps learn nothing, long ones diverge.
        "unlearned": usual | plane | {"epochs": 2, "steps": 20},
        "diverged": usual | plane | {"step_size": 1e6},
    }
    for name, values in made.items():
        path = folder / f"{name}.toml"
        path.write_text(EXPERIMENT.format(**values))
        gradiometer("train", path, "--out", folder / name, "--quiet", codes=(65,) if name == "diverged" else (0,))
    grid = folder / "sweep.toml"
    grid.write_text(EXPERIMENT.format(**(usual | plane | {"epochs": 4, "steps": 300})).replace("seed = 3\n", "") + GRID)
    gradiometer("sweep", grid, "--out", folder / "sweep", "--quiet")
    gradiometer("report", folder / "sweep")
    runs = [folder / "quickstart", folder / "plane", folder / "unlearned"]
    gradiometer("compare", *runs, "--out", folder / "comparison", "--quiet")
    gradiometer("verify", "--instances", 200, "--claim", "7.1", "--claim", "7.3", "--claim", "7.7", "--claim", "3.4",
                "--out", folder / "verify", "--quiet", codes=(0, 1, 2))
    for study in ["samples", "gradients"]:
        gradiometer("study", study, "--quick", "--out", folder / study, "--quiet")
    for name in ["quickstart", "floor", *made, "sweep", "comparison", "verify", "samples", "gradients"]:
        reports[name] = folder / name / "report.html"
    return reports


def positions(page):
    return page.eval_on_selector_all(
        "figure[data-frames] g.neurons circle", "marks => marks.map(m => m.getAttribute('cx') + ' ' + m.getAttribute('cy'))")


def check(browser, path, scheme, width, shot=None):
    """What is wrong with a report under one scheme and width."""
    wrong = []
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900}, device_scale_factor=1)
    page = context.new_page()
    page.on("console", lambda message: wrong.append(f"console: {message.text}") if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(f"console: {error}"))
    page.on("request", lambda request: wrong.append(f"network: {request.url}") if not request.url.startswith("file:") else None)
    page.goto(path.resolve().as_uri())
    page.wait_for_timeout(100)
    for figure in page.query_selector_all("figure"):
        svg = figure.query_selector("svg")
        named = svg.get_attribute("role") == "img" and svg.evaluate(
            "s => (s.getAttribute('aria-labelledby') || '').split(' ').every(id => (document.getElementById(id)?.textContent || '').length > 0)")
        if not named:
            wrong.append(f"no accessible name: {figure.get_attribute('id')}")
        if figure.query_selector("table") is None:
            wrong.append(f"no numbers: {figure.get_attribute('id')}")
    for slider in page.query_selector_all("figure[data-frames] input[type=range]"):
        before = positions(page)
        last = int(slider.get_attribute("max"))
        slider.fill("0")
        first = positions(page)
        slider.fill(str(last // 2))
        middle = positions(page)
        slider.fill(str(last))
        if not slider.is_visible() or first == before or middle == first or positions(page) != before:
            wrong.append("the slider does not move the neurons there and back")
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if overflow > 0:
        wrong.append(f"the page is {overflow} px wider than the window")
    if shot:
        page.screenshot(path=str(shot), full_page=True)
    # Paper is white whatever the screen was, and has no slider.
    page.emulate_media(media="print")
    if page.evaluate("getComputedStyle(document.body).backgroundColor") not in ("rgb(255, 255, 255)", "rgba(0, 0, 0, 0)"):
        wrong.append("print: the paper is not white")
    if any(slider.is_visible() for slider in page.query_selector_all(".slider")):
        wrong.append("print: a slider is printed")
    # What moves is there once: as a picture of every stage, or of the one moment that there is.
    moving = page.query_selector_all("figure[data-frames]")
    stills = page.query_selector_all("#fig-neurons-stages")
    if moving and sum(figure.is_visible() for figure in [*moving, *stills]) != 1:
        wrong.append("print: the neurons are not shown once")
    if shot and scheme == "dark" and width > 1000:
        page.pdf(path=str(shot.with_name(shot.name.replace("dark-desk.png", "print.pdf"))), format="A4")
    context.close()
    return wrong


def check_without_scripts(browser, path):
    """Whether the page stands without scripts: neurons drawn, no dead slider."""
    shown = []
    for scripts in (True, False):
        context = browser.new_context(java_script_enabled=scripts)
        page = context.new_page()
        page.goto(path.resolve().as_uri())
        marks = page.locator("figure[data-frames] g.neurons circle")
        sliders = page.locator("figure[data-frames] .slider")
        shown.append([(marks.nth(k).get_attribute("cx"), marks.nth(k).get_attribute("cy")) for k in range(min(20, marks.count()))])
        if not scripts and any(sliders.nth(k).is_visible() for k in range(sliders.count())):
            return ["without scripts a slider is shown that does nothing"]
        context.close()
    number = lambda marks: [tuple(map(float, mark)) for mark in marks]
    return [] if number(shown[0]) == number(shown[1]) else ["without scripts the picture is another"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reports", nargs="*", type=pathlib.Path)
    parser.add_argument("--program", default=str(ROOT / "target/release/gradiometer"))
    parser.add_argument("--shots", type=pathlib.Path, help="folder for screenshots")
    arguments = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("no Chromium found; on Debian: apt-get install chromium")
    if arguments.shots:
        arguments.shots.mkdir(parents=True, exist_ok=True)
    failures = 0
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        scratch = pathlib.Path(scratch)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        broken = scratch / "broken.html"
        broken.write_text(BROKEN)
        found = " | ".join(check(browser, broken, "light", 360))
        missed = [fault for fault in FAULTS if fault not in found]
        if missed:
            raise SystemExit(f"the check does not see: {', '.join(missed)} (only {found})")
        reports = {path.parent.name: path for path in arguments.reports} or make_reports(arguments.program, scratch)
        for name, path in reports.items():
            wrong = check_without_scripts(browser, path)
            for scheme in ("light", "dark"):
                for device, width in WIDTHS.items():
                    shot = arguments.shots and arguments.shots / f"{name}-{scheme}-{device}.png"
                    wrong += [f"{scheme}, {device}: {fault}" for fault in check(browser, path, scheme, width, shot)]
            print(f"{name}: {path.stat().st_size / 1e6:.2f} MB, {'sound' if not wrong else 'WRONG'}")
            for fault in wrong:
                print(f"  {fault}")
            failures += bool(wrong)
        browser.close()
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
