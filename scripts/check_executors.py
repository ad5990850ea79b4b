#!/usr/bin/env python3
"""Runs a sweep's points on process pools, loky, Dask and Ray, kills a worker of each, and compares with one sequential run.

    python3 -m venv venv && venv/bin/pip install "dask[distributed]" loky ray
    venv/bin/python scripts/check_executors.py [--program target/release/gradiometer] [--only pool,loky,dask,ray]

Needs Python 3.10 and, for each engine but the pool, its package; an engine whose package is not there is left out, and said so. All clusters
are local, of two workers. Takes a minute or two.

Whatever runs the tasks, a task is the same: `gradiometer sweep FILE --out DIR --points LIST --resume`. A point that is done is not run again;
one that an orphan of a killed worker still runs is waited for (exit code 74); one that was interrupted goes on from its checkpoint. So a lost worker
is a task to be submitted again, and what is open is asked of `--status`. After each engine the table must be the bytes of the
sequential run, every point must be in the rows once, and a worker must have been killed while it worked. Exit code 1 if anything is wrong.
"""

import argparse
import concurrent.futures
import importlib.util
import json
import multiprocessing
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
GRID = """[teacher]
dimension = 10
rank = 2
neurons = 2
separation = 0.5
[student]
neurons = 40
[stage3]
epochs = 2
steps = 2000
[record]
every = 500
[sweep]
keep = "rows"
seed = { from = 1, to = 12, count = 12 }
stage3.lambda = { from = 1e-3, to = 1e-1, count = 4, log = true }
"""
POINTS, CHUNK = 48, 4


def run_points(program, grid, out, points):
    """The task: runs points to their end, whoever has begun them. Returns them."""
    # Who could be killed: the worker that runs this.
    (pathlib.Path(out).parent / f"worker-{os.getpid()}").touch()
    command = [program, "sweep", grid, "--out", out, "--points", points, "--resume", "--quiet"]
    while True:
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode in (0, 1):
            return points
        if done.returncode not in (74, 130):
            raise RuntimeError(done.stderr)
        time.sleep(0.2)


def status(program, grid, out):
    done = subprocess.run([program, "sweep", grid, "--out", out, "--status", "--json"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def tasks(program, grid, out):
    """Chunks of what is open, as --points takes them."""
    points = []
    for part in filter(None, status(program, grid, out)["open"].split(",")):
        first, _, last = part.partition("-")
        points += range(int(first), int(last or first) + 1)
    return [",".join(map(str, points[i : i + CHUNK])) for i in range(0, len(points), CHUNK)]


class Killer(threading.Thread):
    """Kills one worker once it works."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.folder, self.killed = folder, None

    def run(self):
        while not (workers := list(self.folder.glob("worker-*"))):
            time.sleep(0.02)
        time.sleep(0.3)
        self.killed = int(workers[0].name.removeprefix("worker-"))
        os.kill(self.killed, signal.SIGKILL)


def futures(make_executor, arguments):
    """Any executor with submit: what a lost worker has taken along is submitted again, to a new one."""
    attempts = 0
    while lists := tasks(*arguments):
        attempts += 1
        if attempts > 5:
            raise RuntimeError(f"still open after five attempts: {lists}")
        with make_executor() as executor:
            submitted = [executor.submit(run_points, *arguments, points) for points in lists]
            for future in submitted:
                try:
                    future.result()
                except concurrent.futures.process.BrokenProcessPool:
                    pass
    return attempts


def pool(arguments):
    context = multiprocessing.get_context("spawn")
    return futures(lambda: concurrent.futures.ProcessPoolExecutor(2, mp_context=context), arguments)


def with_loky(arguments):
    from loky import ProcessPoolExecutor

    return futures(lambda: ProcessPoolExecutor(2), arguments)


def with_dask(arguments):
    from dask.distributed import Client, LocalCluster

    # The nanny starts a killed worker again, and the scheduler submits what it had.
    with LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        client.gather(client.map(lambda points: run_points(*arguments, points), tasks(*arguments), retries=3))
    return 1


def with_ray(arguments):
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        task = ray.remote(max_retries=3)(run_points)
        ray.get([task.remote(*arguments, points) for points in tasks(*arguments)])
    finally:
        ray.shutdown()
    return 1


ENGINES = {"pool": (None, pool), "loky": ("loky", with_loky), "dask": ("distributed", with_dask), "ray": ("ray", with_ray)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "target/release/gradiometer")
    parser.add_argument("--only", default=",".join(ENGINES))
    options = parser.parse_args()
    program = str(options.program.resolve())
    problems = []
    os.environ.setdefault("RAYON_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory(prefix="check-executors-") as folder:
        folder = pathlib.Path(folder)
        grid = folder / "grid.toml"
        grid.write_text(GRID)
        begin = time.monotonic()
        subprocess.run([program, "sweep", grid, "--out", folder / "whole", "--quiet"], check=True, stdout=subprocess.DEVNULL)
        table = (folder / "whole/results.csv").read_bytes()
        print(f"sequential: {time.monotonic() - begin:.1f} s")
        for name in options.only.split(","):
            package, run = ENGINES[name]
            if package and importlib.util.find_spec(package) is None:
                print(f"{name}: left out, {package} is not installed")
                continue
            own = folder / name
            own.mkdir()
            arguments = (program, str(grid), str(own / "out"))
            killer = Killer(own)
            killer.start()
            begin = time.monotonic()
            attempts = run(arguments)
            seconds = time.monotonic() - begin
            merge = subprocess.run([program, "sweep", grid, "--out", own / "out", "--merge", "--quiet"], capture_output=True, text=True)
            if merge.returncode:
                problems.append(f"{name}: {merge.stderr}")
            elif (own / "out/results.csv").read_bytes() != table:
                problems.append(f"{name}: the table is not that of the sequential run")
            rows = [json.loads(line)["point"] for file in (own / "out/rows").iterdir() for line in file.read_text().splitlines()]
            if sorted(rows) != list(range(POINTS)):
                problems.append(f"{name}: the rows are those of points {sorted(rows)}")
            if killer.killed is None:
                problems.append(f"{name}: no worker was killed")
            print(f"{name}: {seconds:.1f} s with its start, worker {killer.killed} killed, {attempts} attempts, {len(rows)} rows")
    for problem in problems:
        print(f"WRONG: {problem}")
    print("all as it should be" if not problems else f"{len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
