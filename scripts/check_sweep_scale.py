#!/usr/bin/env python3
"""What a sweep of many tiny points costs beside its runs, and whether interruptions lose or double any of them.

    python3 scripts/check_sweep_scale.py [--program target/release/gradiometer] [--points 10000] [--interruptions 20]

Needs Python 3.10 and a built program; takes some minutes. With keep = "rows": files and bytes of the folder, overhead a point (the time of the
sweep less that of its runs, as its rows have it), time of --merge and --status; then the same sweep again, killed or told to stop
at random moments and resumed each time: its table must have the same bytes, and its rows every point once. The limits are 20 ms a
point, 10 s to merge, 1 s for the status. Exit code 1 if one is exceeded or anything is wrong.
"""

import argparse
import json
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
GRID = """[teacher]
dimension = 4
rank = 2
neurons = 2
separation = 0.5
[student]
neurons = 10
[stage3]
epochs = 1
steps = 20
[record]
every = 20
[sweep]
keep = "rows"
seed = {{ from = 1, to = {seeds}, count = {seeds} }}
stage3.lambda = {{ from = 1e-3, to = 1e-1, count = 10, log = true }}
"""


def rows_of(out):
    for file in sorted((out / "rows").iterdir()):
        for line in file.read_text().splitlines():
            yield json.loads(line)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "target/release/gradiometer")
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--interruptions", type=int, default=20)
    options = parser.parse_args()
    points = options.points // 10 * 10
    problems = []
    with tempfile.TemporaryDirectory(prefix="sweep-scale-") as folder:
        folder = pathlib.Path(folder)
        grid, whole, cut = folder / "grid.toml", folder / "whole", folder / "cut"
        grid.write_text(GRID.format(seeds=points // 10))

        def command(out, *more):
            return [options.program, "sweep", grid, "--out", out, "--quiet", *more]

        def seconds(out, *more):
            begin = time.monotonic()
            subprocess.run(command(out, *more), check=True, stdout=subprocess.DEVNULL)
            return time.monotonic() - begin

        def limit(name, value, most, unit):
            print(f"{name}: {value:.3g} {unit} (at most {most} {unit})")
            if not value <= most:
                problems.append(f"{name} is {value:.3g} {unit}")

        wall = seconds(whole)
        rows = list(rows_of(whole))
        own = sum(row["seconds"] for row in rows)
        files = [path for path in whole.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files)
        print(f"{points} points: {wall:.1f} s, of which the runs take {own:.1f} s")
        print(f"{len(files)} files, {size / 1e6:.1f} MB, {size / points:.0f} bytes a point")
        limit("overhead a point", 1e3 * (wall - own) / points, 20, "ms")
        limit("merge", seconds(whole, "--merge"), 10, "s")
        limit("status", seconds(whole, "--status"), 1, "s")

        chance = random.Random(5)
        stopped = 0
        while stopped < options.interruptions:
            sweep = subprocess.Popen(command(cut, "--resume"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                sweep.wait(chance.uniform(0.1, 0.8 * wall / options.interruptions))
            except subprocess.TimeoutExpired:
                sweep.send_signal(chance.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGINT]))
                sweep.wait()
                stopped += 1
            if sweep.returncode == 0:
                break
        print(f"interrupted {stopped} times")
        if stopped < options.interruptions:
            problems.append(f"it was done after {stopped} interruptions")
        seconds(cut, "--resume")
        if (cut / "results.csv").read_bytes() != (whole / "results.csv").read_bytes():
            problems.append("the table of the interrupted sweep is another")
        found = [row["point"] for row in rows_of(cut)]
        if sorted(found) != list(range(points)):
            problems.append(f"{len(found)} rows of {len(set(found))} points")
        if any((cut / "points").iterdir()):
            problems.append("folders of points are left")
        print(f"{len(found)} rows, each point once; the table has the same bytes" if not problems else "")
    for problem in problems:
        print(f"WRONG: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
