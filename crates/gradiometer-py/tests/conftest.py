import sys

import numpy as np
import pytest

import gradiometer as gm


def pytest_collection_modifyitems(items):
    """Tests of packages that are not there are skipped, not failed: they say so."""
    for item in items:
        for name in ("torch", "jax"):
            if item.get_closest_marker(name) and not _has(name):
                item.add_marker(pytest.mark.skip(reason=f"{name} is not installed"))


def _has(name):
    import importlib.util

    return name in sys.modules or importlib.util.find_spec(name) is not None


@pytest.fixture(scope="session")
def teacher():
    return gm.Teacher([1.0, -0.8, 1.2], np.eye(3, 6))


@pytest.fixture(scope="session")
def student():
    return gm.Network.gaussian(neurons=8, dimension=6, seed=1)


@pytest.fixture(scope="session")
def population(teacher):
    return gm.Population(teacher)


@pytest.fixture(scope="session")
def run(teacher):
    return gm.train(
        teacher, student={"neurons": 20}, stage3={"epochs": 2, "steps": 200}, record={"every": 50}
    )
