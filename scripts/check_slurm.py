#!/usr/bin/env python3
"""Runs a sweep as a job array of a real Slurm on one node, under a kill, a preemption, a time limit and a cancellation.

    apt-get install --no-install-recommends slurm-wlm munge       # Debian 12: Slurm 22.05
    python3 scripts/check_slurm.py [--program target/release/gradiometer] [--keep DIR]

Needs root and these two packages; nothing listens beyond the loopback, and no file outside a temporary folder is written. It starts munged,
slurmctld and slurmd by itself with a key and ports of its own, and stops them in the end. Takes some ten minutes, since Slurm tells a
task to stop a minute before its limit of three, give or take a minute.

The grid has 64 points, one a task. One task's program is killed, a job of a higher partition preempts what runs, and the last
point takes longer than the limit. Before the script is submitted again the merge must name the missing point; afterwards the
table and every trajectory must be the bytes of one sequential run. A task that the user cancels must not come back. Exit code 1 if anything is
wrong.
"""

import argparse
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Short points but for three: the one to be killed, the one to be preempted, the one that meets the limit.
GRID = """[teacher]
dimension = 12
rank = 2
neurons = 3
separation = 0.4
[student]
neurons = 100
[stage3]
epochs = 2
[record]
every = 1000
[sweep]
seed = {{ from = 1, to = 64, count = 64 }}
stage3.steps = "100 + {medium} * (max(seed, 61) - 61) - {medium} * 3 * floor(seed / 64) + {long} * floor(seed / 64)"
"""
KILLED, PREEMPTED, LONG = 61, 62, 63

CONFIGURATION = """ClusterName=check
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={daemon}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=20
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmdParameters=config_overrides
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
KillWait=20
SchedulerParameters=sched_interval=2,sched_min_interval=100000,bf_interval=5
NodeName=node1 NodeHostname={host} NodeAddr=127.0.0.1 CPUs=4 State=UNKNOWN
PartitionName=low Nodes=node1 Default=YES MaxTime=INFINITE PriorityTier=1 State=UP
PartitionName=high Nodes=node1 MaxTime=INFINITE PriorityTier=10 PreemptMode=OFF State=UP
"""


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Cluster:
    """Munge and Slurm in a folder."""

    def __init__(self, folder):
        self.folder, self.daemons = folder, []
        host = socket.gethostname().split(".")[0]
        for name in ["state", "spool"]:
            (folder / name).mkdir()
        configuration = folder / "slurm.conf"
        ports = {"controller": free_port(), "daemon": free_port()}
        configuration.write_text(CONFIGURATION.format(host=host, folder=folder, **ports))
        self.environment = {**os.environ, "SLURM_CONF": str(configuration)}
        # A job finds Slurm's commands by the path that submitted it.
        self.environment["PATH"] += ":/usr/bin:/usr/sbin"
        key = folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o600)
        own = {"socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        files = [f"--{option}={folder}/munge.{end}" for option, end in own.items()]
        self.start("munged", "--foreground", "--force", f"--key-file={key}", *files)
        self.wait("munge to listen", lambda: (folder / "munge.socket").exists())
        self.start("slurmctld", "-D", "-i")
        self.start("slurmd", "-D", "-N", "node1")
        self.wait("an idle node", lambda: "idle" in self.run("sinfo", "-h", "-o", "%T", fails=True))

    def start(self, *command):
        log = (self.folder / f"{command[0]}.out").open("w")
        process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        self.daemons.append(process)

    def stop(self):
        for daemon in reversed(self.daemons):
            daemon.terminate()
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    def run(self, *command, fails=False):
        done = subprocess.run(command, env=self.environment, cwd=self.folder, capture_output=True, text=True)
        if done.returncode and not fails:
            raise SystemExit(f"{' '.join(map(str, command))}: {done.stderr}")
        return done.stdout

    def wait(self, what, holds, seconds=1200):
        end = time.monotonic() + seconds
        while not holds():
            if any(daemon.poll() is not None for daemon in self.daemons):
                raise SystemExit(f"a daemon ended; see {self.folder}/*.out")
            if time.monotonic() > end:
                raise SystemExit(f"waited {seconds} s for {what} in vain:\n{self.run('squeue')}")
            time.sleep(0.05)

    def submit(self, *arguments):
        return self.run("sbatch", "--parsable", *map(str, arguments)).strip()

    def wait_for_all(self):
        self.wait("the queue to be empty", lambda: not self.run("squeue", "-h", "-o", "%i %T").strip())


def holder(folder):
    """The process that holds a point's folder, or None."""
    try:
        found = re.search(r"process (\d+) on", (folder / ".run.lock").read_text())
    except OSError:
        return None
    return int(found.group(1)) if found else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "target/release/gradiometer")
    parser.add_argument("--keep", type=pathlib.Path, help="a folder for all files, which then stay")
    options = parser.parse_args()
    program = options.program.resolve()
    missing = [name for name in ["munged", "slurmctld", "slurmd", "sbatch"] if not shutil.which(name, path="/usr/sbin:" + os.environ["PATH"])]
    if missing or os.geteuid() != 0 or not program.exists():
        raise SystemExit(f"needs root, {program} and {', '.join(missing) or 'what is there'}; see the head of this file")
    os.environ["PATH"] = "/usr/sbin:" + os.environ["PATH"]
    folder = options.keep or pathlib.Path(tempfile.mkdtemp(prefix="check-slurm-"))
    folder.mkdir(exist_ok=True)
    folder = folder.resolve()
    problems = []
    cluster = None
    sequential = None
    try:
        grid, out, whole = folder / "grid.toml", folder / "out", folder / "whole"

        def gradiometer(*arguments):
            command = [str(program), *map(str, arguments), "--quiet"]
            return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "RAYON_NUM_THREADS": "1"})

        # How many steps take a second here decides how many the long points get.
        grid.write_text(GRID.format(medium=1, long=20000))
        begin = time.monotonic()
        done = gradiometer("sweep", grid, "--out", folder / "speed", "--points", LONG)
        if done.returncode:
            raise SystemExit(done.stderr)
        rate = 2 * 20100 / (time.monotonic() - begin)
        medium, long = int(25 * rate), int(80 * rate)
        grid.write_text(GRID.format(medium=medium, long=long))
        print(f"{rate:.0f} steps a second; {2 * long} steps in the long point")

        cluster = Cluster(folder)
        script = folder / "grid.sbatch"
        done = gradiometer("sweep", grid, "--out", out, "--slurm", script, "--shards", 64, "--time", "3", "--sbatch=--partition=low")
        if done.returncode:
            raise SystemExit(done.stderr)
        begin = time.monotonic()
        array = cluster.submit(script)
        point = lambda index: out / "points" / f"{index:05}"
        checkpoint = lambda index: point(index) / "checkpoints/resume.safetensors"

        cluster.wait("the point to be killed", lambda: checkpoint(KILLED).exists() and holder(point(KILLED)))
        os.kill(holder(point(KILLED)), 9)
        print(f"point {KILLED}: killed after {time.monotonic() - begin:.0f} s")
        cluster.wait("the point to be preempted", lambda: checkpoint(PREEMPTED).exists() and holder(point(PREEMPTED)))
        cluster.submit("--partition=high", "--cpus-per-task=4", "--wrap=sleep 3")
        cluster.wait("the preemption", lambda: holder(point(PREEMPTED)) is None)
        if (point(PREEMPTED) / "run.json").exists():
            problems.append("the point to be preempted was done before")
        print(f"point {PREEMPTED}: preempted after {time.monotonic() - begin:.0f} s")

        # The sequential run beside it, once the processors have time.
        environment = {**os.environ, "RAYON_NUM_THREADS": "1"}
        command = [program, "sweep", grid, "--out", whole, "--quiet"]
        sequential = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        cluster.wait_for_all()
        logs = "".join(log.read_text() for log in folder.glob(f"grid-{array}_*.log"))
        interrupted = len(re.findall(r"interrupted after \d+ steps", logs))
        print(f"array done after {time.monotonic() - begin:.0f} s; {interrupted} tasks were told to stop and went on later")
        long_log = (folder / f"grid-{array}_{LONG + 1}.log").read_text()
        if "interrupted after" not in long_log:
            problems.append("the long point did not meet its time limit")

        # The killed one is missing, and the merge says so.
        done = gradiometer("sweep", grid, "--out", out, "--merge")
        if done.returncode != 65 or f"--points {KILLED}" not in done.stderr:
            problems.append(f"the merge did not name the killed point: {done.returncode} {done.stderr}")
        begin = time.monotonic()
        cluster.submit(script)
        cluster.wait_for_all()
        print(f"submitted again: {time.monotonic() - begin:.0f} s")
        done = gradiometer("sweep", grid, "--out", out, "--merge")
        if done.returncode:
            problems.append(f"the merge: {done.stderr}")

        # A task that is cancelled stays away.
        cancelled = folder / "cancelled.sbatch"
        gradiometer("sweep", grid, "--out", folder / "cancelled", "--slurm", cancelled, "--shards", 64, "--time", "3")
        job = cluster.submit(f"--array={LONG + 1}", cancelled)
        at = folder / "cancelled/points" / f"{LONG:05}"
        cluster.wait("the point to be cancelled", lambda: holder(at))
        cluster.run("scancel", job)
        cluster.wait("the cancellation", lambda: holder(at) is None)
        time.sleep(30)
        if cluster.run("squeue", "-h").strip():
            problems.append(f"a cancelled task came back: {cluster.run('squeue')}")
            cluster.run("scancel", job)

        if sequential.wait():
            problems.append("the sequential run failed")
        compared = 0
        names = ["results.csv", "sweep.json"]
        names += [f"points/{i:05}/{name}" for i in range(64) for name in ["run.json", "trajectory.csv", "snapshots.csv", "checkpoints/final.safetensors"]]
        for name in names:
            compared += 1
            found = out / name
            if not found.exists() or found.read_bytes() != (whole / name).read_bytes():
                problems.append(f"{name} is not that of the sequential run")
        print(f"{compared} files compared with those of one sequential run")
    finally:
        if cluster:
            cluster.run("scancel", "--user=root", fails=True)
            cluster.stop()
        if sequential and sequential.poll() is None:
            sequential.kill()
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    for problem in problems:
        print(f"WRONG: {problem}")
    print("all as it should be" if not problems else f"{len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
