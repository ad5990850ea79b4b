#!/usr/bin/env python3
"""Holds the checker's two methods to each other, and both to a search.

    python3 scripts/compare_methods.py --program target/release/gradiometer [--count 200] [--workers 2]

1. Random teachers of rank 2 to 4: for each method the largest rho that it proves, by bisection. Fails if one method proves a
   claim that the other refutes. Prints what Lagrange's bound loses of rho.
2. Teachers of rank 10 and 50: a rho above the least quotient that the search meets, by 1 % and by 0.1, must not be proved.
Needs Python alone.
"""
import argparse
import collections
import concurrent.futures
import json
import math
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile

METHODS = ("branch-and-bound", "lagrange")
STEPS = 8
# Rank, neurons, separation, what is added to the searched rho, and what it is multiplied with.
ABOVE = [(10, 12, 0.7, 0.0, 1.01), (50, 50, 1.0, 0.1, 1.0)]


def teacher(rng, rank, neurons, separation, beside):
    rows, tried = [], 0
    while len(rows) < neurons:
        tried += 1
        if tried % 2000 == 0:
            # What stands may leave no room for another.
            rows = []
        row = [rng.gauss(0, 1) for _ in range(rank)]
        size = math.hypot(*row)
        row = [x / size for x in row]
        if all(abs(sum(x * y for x, y in zip(row, other))) <= math.cos(separation) for other in rows):
            rows.append(row)
    rows = [[*row, 0.0] if beside else row for row in rows]
    return {"a": [rng.choice([-1.0, 1.0]) for _ in rows], "w": rows}


class Case:
    """A teacher with its certificate in a folder."""

    def __init__(self, program, folder, name, network):
        self.program = program
        self.network, self.certificate = folder / f"{name}.json", folder / f"{name}.certificate.json"
        self.network.write_text(json.dumps(network), encoding="utf-8")
        command = [program, "certify", self.network, "--out", self.certificate, "--json", "--quiet", "--time-limit", "200"]
        self.found = json.loads(subprocess.run(command, capture_output=True, check=False).stdout or "{}")

    def verdict(self, rho, method):
        document = json.loads(self.certificate.read_text(encoding="utf-8"))
        document["rho"] = rho
        claimed = self.certificate.with_suffix(f".{method}.json")
        claimed.write_text(json.dumps(document), encoding="utf-8")
        command = [self.program, "check-certificate", claimed, "--teacher", self.network, "--method", method]
        command += ["--boxes", "300000", "--time-limit", "60", "--json", "--quiet"]
        return json.loads(subprocess.run(command, capture_output=True, check=False).stdout)["verdict"]


def compare(program, folder, seed):
    rng = random.Random(seed)
    rank = rng.choice([2, 3, 3, 4])
    network = teacher(rng, rank, rank + rng.choice([0, 1, 2]), 0.6, rng.random() < 0.5)
    case = Case(program, folder, seed, network)
    if case.found.get("verdict") != "proved":
        return None
    top, largest, verdicts = 1.02 * case.found["sampled_rho"], {}, collections.defaultdict(dict)
    for method in METHODS:
        holds, fails = 0.0, top
        for _ in range(STEPS):
            rho = 0.5 * (holds + fails)
            verdicts[rho][method] = case.verdict(rho, method)
            if verdicts[rho][method] == "proved":
                holds = rho
            else:
                fails = rho
        largest[method] = holds
    # Every claim that either method decided, by both.
    for rho, found in verdicts.items():
        for method in METHODS:
            if method not in found and "refuted" in found.values():
                found[method] = case.verdict(rho, method)
    proved = max(largest.values())
    refuted = [rho for rho, found in verdicts.items() if "refuted" in found.values()]
    contradiction = any({"proved", "refuted"} <= set(found.values()) for found in verdicts.values())
    # A smaller claim follows from a larger one, so that nothing below a proved rho may be refuted.
    contradiction |= any(rho <= proved for rho in refuted)
    return rank, len(verdicts), largest, contradiction


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    wrong, claims, losses = 0, 0, collections.defaultdict(list)
    with tempfile.TemporaryDirectory() as name, concurrent.futures.ThreadPoolExecutor(arguments.workers) as pool:
        folder = pathlib.Path(name)
        jobs = [pool.submit(compare, arguments.program, folder, seed) for seed in range(arguments.count)]
        for seed, job in enumerate(jobs):
            found = job.result()
            if found is None:
                print(f"seed {seed}: not certified")
                continue
            rank, count, largest, contradiction = found
            claims += count
            sharp, fast = (largest[method] for method in METHODS)
            losses[rank].append(1 - fast / sharp if sharp > 0 else 0.0)
            if contradiction:
                wrong += 1
                print(f"seed {seed}: one method proves what the other refutes, {largest}")
        for rank, loss in sorted(losses.items()):
            quarters = statistics.quantiles(loss, n=4)
            none = sum(x >= 1 for x in loss)
            print(
                f"rank {rank}: {len(loss)} certificates; Lagrange's bound loses {100 * quarters[1]:.1f} % of rho in the middle, "
                f"quartiles {100 * quarters[0]:.1f} and {100 * quarters[2]:.1f} %, proves nothing of {none}",
                flush=True,
            )
        for rank, neurons, separation, added, factor in ABOVE:
            for beside in (True, False):
                rng = random.Random(rank)
                case = Case(arguments.program, folder, f"{rank}-{beside}", teacher(rng, rank, neurons, separation, beside))
                met = case.found["sampled_rho"]
                claimed = factor * met + added
                verdict = case.verdict(claimed, "lagrange")
                wrong += verdict == "proved"
                dimension = "d > r" if beside else "d = r"
                print(f"r = {rank}, {dimension}: search {met:.4f}, claim {claimed:.4f}: {verdict} ({case.found['verdict']} at {case.found['rho']:.4f})")
    print(f"{claims} claims, wrong: {wrong}")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
