#!/usr/bin/env python3
"""Holds the second checker to the first: certificates of random teachers, and altered ones.

    python3 scripts/compare_checkers.py --program target/release/gradiometer --count 140 --altered 30 [--workers 2]

The second decides spheres of up to three dimensions by boxes and the others by Lagrange's bound: of rank 3 beside a dimension more and
of rank 4, where the first finds certificates that boxes alone prove, it leaves most undecided, and they count as that. Fails if one checker proves what the other refutes, or if an altered certificate is accepted by either. Prints the counts.
"""
import argparse
import collections
import concurrent.futures
import json
import math
import pathlib
import random
import subprocess
import sys
import tempfile

SECOND = pathlib.Path(__file__).with_name("second_checker.py")
NAMES = {0: "proved", 1: "refuted", 2: "inconclusive"}


def teacher(rng):
    """Random directions of both signs, at least 0.6 apart, of rank 2 to 6, some beside a dimension more."""
    rank = rng.choice([2, 2, 3, 3, 4, 5, 5, 6])
    neurons = rank + rng.choice([0, 1])
    rows = []
    while len(rows) < neurons:
        row = [rng.gauss(0, 1) for _ in range(rank)]
        size = math.hypot(*row)
        row = [x / size for x in row]
        if all(abs(sum(x * y for x, y in zip(row, other))) <= math.cos(0.6) for other in rows):
            rows.append(row)
    if rng.random() < 0.4:
        rows = [[*row, 0.0] for row in rows]
    return {"a": [rng.choice([-1.0, 1.0]) for _ in rows], "w": rows}


def alter(certificate, rng):
    """A certificate that is false in one place."""
    other = json.loads(json.dumps(certificate))
    kind = rng.choice(["value", "gradient", "norm", "rho", "weight"])
    i = rng.randrange(len(other["values"]))
    if kind == "value":
        other["values"][i] *= 1 + rng.choice([-1, 1]) * 1e-6
    elif kind == "gradient":
        size = math.hypot(*other["gradients"][i])
        scale = max(size, 1e-3 * abs(other["values"][i]))
        other["gradients"][i][rng.randrange(len(other["gradients"][i]))] += 1e-6 * scale
    elif kind == "norm":
        other["p_norm"] *= 1 - 1e-6
    elif kind == "rho":
        other["rho"] *= 1.5
    else:
        other["tail_weight"] *= 1.001
    return kind, other


def run(command):
    return NAMES.get(subprocess.run(command, capture_output=True, check=False).returncode, "error")


def case(program, folder, seed, altered):
    rng = random.Random(seed)
    network, certificate = folder / f"{seed}.json", folder / f"{seed}.certificate.json"
    network.write_text(json.dumps(teacher(rng)), encoding="utf-8")
    found = run([program, "certify", network, "--out", certificate, "--quiet"])
    if found != "proved":
        return "not certified", found, found
    kind = "sound"
    if altered:
        kind, document = alter(json.loads(certificate.read_text(encoding="utf-8")), rng)
        certificate.write_text(json.dumps(document), encoding="utf-8")
    first = run([program, "check-certificate", certificate, "--teacher", network, "--quiet"])
    second = run([sys.executable, SECOND, certificate, network, "--seconds", "120"])
    return kind, first, second


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--count", type=int, default=140)
    parser.add_argument("--altered", type=int, default=30)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    counts, wrong = collections.Counter(), 0
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(arguments.workers) as pool:
        jobs = [
            pool.submit(case, arguments.program, pathlib.Path(folder), seed, seed >= arguments.count)
            for seed in range(arguments.count + arguments.altered)
        ]
        for seed, job in enumerate(jobs):
            kind, first, second = job.result()
            counts[kind, first, second] += 1
            contradiction = {first, second} == {"proved", "refuted"}
            accepted = kind not in ("sound", "not certified") and "proved" in (first, second)
            if contradiction or accepted or "error" in (first, second):
                wrong += 1
                print(f"seed {seed}: {kind}, first {first}, second {second}")
    for (kind, first, second), count in sorted(counts.items()):
        print(f"{count:4d}  {kind:14s} first {first:13s} second {second}")
    print("contradictions:", wrong)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
