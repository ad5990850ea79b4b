#!/usr/bin/env python3
"""Times of `certify` on random teachers of both signs in any dimension, with what is proved.

    python3 scripts/certificate_times.py --program target/release/gradiometer [--seeds 3] [--largest 50]

Prints a line a teacher, and the exponent of the time against m* at rank m*.
"""
import argparse
import json
import math
import pathlib
import random
import subprocess
import sys
import tempfile
import time

# Rank, neurons, separation.
SIZES = [(5, 6, 0.7), (10, 12, 0.7), (10, 30, 0.6), (20, 20, 1.0), (50, 50, 1.0), (100, 100, 1.0)]


def teacher(rank, neurons, separation, seed):
    rng, rows = random.Random(seed), []
    while len(rows) < neurons:
        row = [rng.gauss(0, 1) for _ in range(rank)]
        size = math.hypot(*row)
        row = [x / size for x in row]
        if all(abs(sum(x * y for x, y in zip(row, other))) <= math.cos(separation) for other in rows):
            rows.append(row)
    return {"a": [rng.choice([-1.0, 1.0]) for _ in rows], "w": [[*row, 0.0] for row in rows]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--largest", type=int, default=100, help="most neurons")
    arguments = parser.parse_args()
    points, failed = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for rank, neurons, separation in SIZES:
            for seed in range(arguments.seeds if neurons <= arguments.largest else 0):
                path = pathlib.Path(folder) / "teacher.json"
                path.write_text(json.dumps(teacher(rank, neurons, separation, seed)), encoding="utf-8")
                start = time.perf_counter()
                out = subprocess.run(
                    [arguments.program, "certify", path, "--json", "--quiet"], capture_output=True, check=False
                )
                seconds = time.perf_counter() - start
                found = json.loads(out.stdout)
                failed += found["verdict"] != "proved"
                print(
                    f"r {rank} m* {neurons} Delta {separation} seed {seed}: {found['verdict']} by {found['method']}, "
                    f"rho {found['rho']:.4f}, |p| {found['p_norm']:.1f}, degrees from {found['from_degree']}, {seconds:.1f} s",
                    flush=True,
                )
                if rank == neurons:
                    points.append((math.log(neurons), math.log(seconds)))
    if len({x for x, _ in points}) > 1:
        mean = [sum(x) / len(points) for x in zip(*points)]
        slope = sum((x - mean[0]) * (y - mean[1]) for x, y in points) / sum((x - mean[0]) ** 2 for x, _ in points)
        print(f"time grows as m*^{slope:.2f} at rank m*")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
