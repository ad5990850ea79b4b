"""Interrupts long calls of the Python package at random moments, and goes on with the runs.

    python3 scripts/check_interrupts.py [--times 10] [--seed 0] [--calls accurate,train,...]

Needs the package (`pip install .`). Each time, each of train, certify, verify, analyze, study and an accurate evaluation
of 3,000 neurons runs in a process of its own and is sent SIGINT at a random moment of its first seconds. It has to
end with KeyboardInterrupt within half a second; a call that ends before is sent another one. What an interrupted train
left, in memory and in a folder, has to go on to the bytes of a run without interrupts. Prints the longest and the median
time of each, and exits with 1 where one is too long or a byte differs.
"""

import argparse
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT = 0.5  # seconds
LONGEST = 2.0  # seconds of the wait before a signal

PROGRAM = """
import signal, sys, time
# What starts in the background of a shell ignores interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)
import gradiometer as gm
name, out = sys.argv[1:]
teacher = gm.Teacher.generate(dimension=20, neurons=6, seed=3)
# Of the size that takes some seconds or more.
calls = {
    "accurate": lambda: gm.Population(teacher).evaluate(
        gm.Network.gaussian(neurons=3000, dimension=20), relative=1e-25),
    "train": lambda: gm.train(teacher, **TRAIN, out=out, progress=None),
    "in memory": lambda: gm.train(teacher, **TRAIN, progress=None),
    "certify": lambda: gm.certify(
        gm.Teacher.generate(dimension=12, neurons=12, rank=12, separation=0.3, seed=1)),
    "verify": lambda: gm.verify(instances=10**6),
    "analyze": lambda: gm.analyze(
        gm.Teacher.generate(dimension=8, neurons=4, rank=3, seed=1),
        gm.Network.gaussian(neurons=60, dimension=8), 1e-3, refinements=40),
    "study": lambda: gm.study("freeze", "full"),
}
TRAIN = {"student": {"neurons": 100}, "stage3": {"epochs": 4, "steps": 20000}}
print("ready", flush=True)
try:
    found = calls[name]()
    print("finished", flush=True)
except KeyboardInterrupt as error:
    print(time.time(), flush=True)
    if name not in ("train", "in memory"):
        sys.exit()
    partial = error.partial
    found = partial.resume() if name == "in memory" else gm.train(teacher, **TRAIN, out=out, resume=True, progress=None)
if name == "in memory":
    parts = [found.student.a, found.student.w, *found.trajectory.values()]
    print(b"".join(x.tobytes() if x.dtype != object else repr(x.tolist()).encode() for x in parts).hex(), flush=True)
"""

CALLS = ["accurate", "train", "in memory", "certify", "verify", "analyze", "study"]


def start(name, out):
    command = [sys.executable, "-c", PROGRAM, name, out]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert program.stdout.readline() == "ready\n"
    return program


def interrupted(name, wait, out):
    """Seconds from the signal to the end, None for a call that was faster; and what was printed then."""
    program = start(name, out)
    time.sleep(wait)
    sent = time.time()
    program.send_signal(signal.SIGINT)
    said = program.stdout.readline().strip()
    rest = program.stdout.read()
    status = program.wait()
    if said == "finished":
        return None, rest  # the signal may have met the interpreter's own end
    if status or not said:
        raise SystemExit(f"{name} was interrupted after {wait:.2f} s and failed: exit status {status}")
    return float(said) - sent, rest


def files(folder):
    """The bytes of a run's files; run.json says when it began."""
    found = {}
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file() and path.name not in ("run.json", "lock"):
            found[str(path.relative_to(folder))] = path.read_bytes()
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--calls", default=",".join(CALLS))
    options = parser.parse_args()
    draw, failed = random.Random(options.seed), False
    with tempfile.TemporaryDirectory() as place:
        whole, runs = f"{place}/whole", 0
        start("train", whole).communicate()
        in_memory = start("in memory", whole).communicate()[0].split()[-1]
        for name in options.calls.split(","):
            times, spent = [], 0
            while len(times) < options.times and spent < 3 * options.times:
                spent, runs = spent + 1, runs + 1
                out = f"{place}/{runs}"
                seconds, rest = interrupted(name, draw.uniform(0.0, LONGEST), out)
                if seconds is None:
                    continue
                times.append(seconds)
                same = {"train": lambda: files(out) == files(whole), "in memory": lambda: rest.strip() == in_memory}
                if name in same and not same[name]():
                    print(f"{name}: a resumed run has other bytes")
                    failed = True
            if not times:
                print(f"{name}: always ended before its signal")
                failed = True
                continue
            failed |= max(times) > LIMIT
            print(
                f"{name:10} {len(times)} interrupts, at most {max(times):.2f} s, median {statistics.median(times):.2f} s",
                flush=True,
            )
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
