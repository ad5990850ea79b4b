import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import gradiometer as gm


def _numbers(student_and_teacher):
    teacher, student = student_and_teacher
    population = gm.Population(teacher)
    value, (ga, gw) = population.value_and_grad(student.a, student.w)
    product = population.hessian(student).matvec(np.ones(student.neurons * (student.dimension + 1)))
    exact = population.evaluate(student, relative=1e-15)
    parts = (np.float64(value), ga, gw, product, np.float64(exact.loss.value), exact.w)
    return b"".join(np.asarray(part).tobytes() for part in parts)


@pytest.fixture(scope="module")
def instance():
    teacher = gm.Teacher.generate(dimension=12, neurons=3)
    return teacher, gm.Network.gaussian(neurons=300, dimension=12)


def _into(queue, instance):
    queue.put(_numbers(instance))


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*os.fork.*:RuntimeWarning")
def test_a_forked_child_computes_the_same_bits(instance):
    here = _numbers(instance)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_into, args=(queue, instance))
    child.start()
    try:
        assert queue.get(timeout=60) == here
    finally:
        child.kill()
        child.join()
    assert _numbers(instance) == here


@pytest.mark.slow
def test_no_bit_depends_on_threads(instance):
    before, found = gm.get_num_threads(), set()
    try:
        for threads in (1, 2, 4):
            gm.set_num_threads(threads)
            assert gm.get_num_threads() == threads
            found.add(_numbers(instance))
    finally:
        gm.set_num_threads(before)
    results = []
    callers = [
        threading.Thread(target=lambda: results.append(_numbers(instance))) for _ in range(8)
    ]
    for caller in callers:
        caller.start()
    gm.set_num_threads(3)
    for caller in callers:
        caller.join()
    gm.set_num_threads(before)
    found.update(results)
    assert len(results) == 8 and len(found) == 1
    with pytest.raises(gm.DataError, match="threads"):
        gm.set_num_threads(0)


PROGRAM = """
import time, signal, sys
# What starts in the background of a shell ignores interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)
import numpy as np, gradiometer as gm
teacher = gm.Teacher.generate(dimension=20, neurons=6, seed=3)
student = gm.Network.gaussian(neurons=3000, dimension=20)
small = gm.Network.gaussian(neurons=100, dimension=20)
calls = {{
    "accurate": lambda: gm.Population(teacher).evaluate(student, relative=1e-25),
    "train": lambda: gm.train(teacher, student=small, stage3={{"steps": 10**6}}, progress=None),
    "certify": lambda: gm.certify(
        gm.Teacher.generate(dimension=8, neurons=7, rank=7, separation=0.3, seed=1)
    ),
    "verify": lambda: gm.verify(instances=10**6),
    "analyze": lambda: gm.analyze(
        gm.Teacher.generate(dimension=8, neurons=4, rank=3, seed=1),
        gm.Network.gaussian(neurons=60, dimension=8), 1e-3, refinements=40),
    "study": lambda: gm.study("freeze", "full"),
}}
print("ready", flush=True)
try:
    calls[{name!r}]()
    print("finished", time.time(), flush=True)
except KeyboardInterrupt as error:
    print("interrupted", time.time(), getattr(error, "partial", None) is not None, flush=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("name", ["accurate", "train", "certify", "verify", "analyze", "study"])
def test_an_interrupt_ends_every_long_call(name):
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(name=name)], stdout=subprocess.PIPE, text=True
    )
    # Nothing waits for ever for one that does not hear.
    deadline = threading.Timer(60, program.kill)
    deadline.start()
    try:
        assert program.stdout.readline() == "ready\n"
        time.sleep(0.4)
        sent = time.time()
        program.send_signal(signal.SIGINT)
        words = program.stdout.readline().split()
        assert words and words[0] == "interrupted", words
        # Half a second, and as much again for a machine that is busy with other work.
        assert float(words[1]) - sent < 1.0, float(words[1]) - sent
        if name == "train":
            assert words[2] == "True"
    finally:
        deadline.cancel()
        program.kill()
        program.wait()
        program.stdout.close()


def test_a_panic_never_comes_through():
    # A width of more numbers than there is memory for is refused in words.
    with pytest.raises(gm.GradiometerError):
        gm.train({"dimension": 4, "neurons": 2}, student={"neurons": 2**40})


def test_the_import_is_light():
    heavy = "('torch', 'jax', 'pandas', 'scipy')"
    program = f"import sys, gradiometer; print([m for m in sys.modules if m in {heavy}])"
    call = [sys.executable, "-c", program]
    assert subprocess.run(call, capture_output=True, text=True, check=True).stdout == "[]\n"
