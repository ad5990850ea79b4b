"""Times loss and gradient from Python beside the Rust step, and beside the closed form in PyTorch and JAX.

    python3 scripts/compare_python.py [--shapes 20x5,100x50,500x50,2000x100] [--rounds 9]

Needs NumPy and the package (`pip install .`); torch and jax are used if they can be imported, and compiled PyTorch
needs a C++ compiler. Builds the helper `time-step` first: the Rust step on buffers that are kept. One run has all
contenders, which take turns as in scripts/compare_step.py, so that noise hits all alike:

    rust            the step alone
    value_and_grad  gradiometer.Population.value_and_grad
    torch, jax      gradiometer.torch.PopulationLoss, forward and backward; gradiometer.jax.population_loss, jitted
    torch-compiled  the closed form, compiled, its gradient by hand
    jax-closed      the same, jitted; jax-ad with the gradient by JAX

The medians are printed in microseconds, with their ratios to the Rust step of the same rounds: the median over rounds
of the ratio of the rounds' medians, and its quartiles.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import compare_step
import numpy as np
from compare_step import PAUSE, ROOT, TURN, Ours, instance, timed, turn

import gradiometer as gm


def value_and_grad(population, a, w):
    return lambda: population.value_and_grad(a, w)


def ours_in_torch(population, a, w):
    import torch

    from gradiometer.torch import PopulationLoss

    loss = PopulationLoss(population)
    a, w = (torch.tensor(x, requires_grad=True) for x in (a, w))

    def step():
        a.grad = w.grad = None
        loss(a, w).backward()

    return step


def ours_in_jax(population, a, w):
    import jax

    jax.config.update("jax_enable_x64", True)
    from gradiometer.jax import population_loss

    step = jax.jit(jax.value_and_grad(population_loss(population), (0, 1)))
    a, w = jax.numpy.asarray(a), jax.numpy.asarray(w)
    return lambda: jax.block_until_ready(step(a, w))


def closed_form(make):
    """A contender of compare_step.py, whose step is kept from shape to shape."""
    kept = []

    def contender(arrays):
        if not kept:
            kept.append(make())
        run, convert = kept[0]
        given = [convert(x) for x in arrays]
        return lambda: run(*given)

    return contender


def quartiles(values):
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--shapes", default="20x5,100x50,500x50,2000x100")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    build = ["cargo", "build", "--release", "--locked", "-p", "gradiometer-benches", "--bin", "time-step"]
    subprocess.run(build, cwd=ROOT, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    program = str(target / "release" / "time-step")
    wrapped = {"value_and_grad": value_and_grad, "torch": ours_in_torch, "jax": ours_in_jax}
    written = {
        "torch-compiled": closed_form(compare_step.torch_compiled_step),
        "jax-closed": closed_form(compare_step.jax_step),
        "jax-ad": closed_form(compare_step.jax_ad_step),
    }
    print(json.dumps(gm.versions()))
    for shape in options.shapes.split(","):
        m, d = map(int, shape.split("x"))
        arrays = a, w, b, u = instance(m, d)
        # The closed form has all degrees but the teacher's affine part, as the package by default.
        population = gm.Population(gm.Teacher(b, u))
        steps = {}
        for name in [*wrapped, *written]:
            try:
                steps[name] = wrapped[name](population, a, w) if name in wrapped else written[name](arrays)
                # The first calls compile and warm up.
                for _ in range(3):
                    steps[name]()
            except Exception as error:
                steps.pop(name, None)
                print(f"{name} is left out: {type(error).__name__}: {error}", file=sys.stderr)
        with tempfile.TemporaryDirectory() as folder:
            np.savez(f"{folder}/student.npz", a=a, w=w)
            np.savez(f"{folder}/teacher.npz", a=b, w=u)
            rust = Ours(program, f"{folder}/student.npz", f"{folder}/teacher.npz")
            count = max(3, int(TURN / rust(3)["seconds"]))
            rounds = []
            for _ in range(options.rounds):
                time.sleep(PAUSE)
                times = {"rust": [rust(count)["seconds"]]}
                times |= {name: turn(lambda: timed(step, ())) for name, step in steps.items()}
                rounds.append({name: statistics.median(values) for name, values in times.items()})
            rust.close()
        print(f"(m, d) = ({m}, {d})")
        for name in ["rust", *steps]:
            middle = statistics.median(of[name] for of in rounds) * 1e6
            ratio = quartiles([of[name] / of["rust"] for of in rounds])
            print(f"    {name:15} {middle:10.1f} us   {ratio} of the Rust step", flush=True)


if __name__ == "__main__":
    main()
