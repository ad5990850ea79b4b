import multiprocessing
from concurrent.futures import Future, ProcessPoolExecutor

import numpy as np
import pytest

import gradiometer as gm

BASE = {
    "teacher": {"dimension": 5, "rank": 2, "neurons": 2},
    "student": {"neurons": 10},
    "stage3": {"epochs": 2, "steps": 60},
}
GRID = {"seed": range(1, 4), "stage3.decay": [0.5, 0.7]}


def bytes_of(table):
    return {name: column.tobytes() for name, column in table.items()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    sweep = gm.Sweep(tmp_path_factory.mktemp("whole"), BASE, GRID)
    assert len(sweep.missing()) == 6
    sweep.run()
    return sweep


def test_a_sweep_has_a_row_for_each_point(whole):
    table = whole.table()
    assert whole.missing() == [] and table["loss"].size == 6
    assert sorted(set(table["seed"].tolist())) == [1, 2, 3]
    assert table["loss"].dtype == np.float64 and whole.points[0]["stage3.decay"] == 0.5
    trajectories = whole.trajectories()
    assert set(trajectories["point"]) == set(range(6))
    assert "done" in whole._repr_html_()
    # A point is what train makes of it.
    settings = {**BASE, "seed": 2, "stage3": {"epochs": 2, "steps": 60, "decay": 0.7}}
    run = gm.train(settings)
    point = whole.points.index({"seed": 2, "stage3.decay": 0.7})
    assert run.final["loss"] == table["loss"][point]


def test_a_grid_has_its_dimensions(whole):
    pytest.importorskip("xarray")
    data = whole.to_xarray()
    assert dict(data.sizes) == {"seed": 3, "stage3.decay": 2}
    table = whole.table()
    for point, fields in enumerate(whole.points):
        row = table["point"].tolist().index(point)
        assert float(data["loss"].sel(fields)) == table["loss"][row]
    assert "reason" not in data and not bool(data["loss"].isnull().any())


def test_arranging_needs_no_result(tmp_path):
    pytest.importorskip("xarray")
    data = gm.Sweep(tmp_path / "empty", BASE, GRID).to_xarray()
    assert dict(data.sizes).get("seed", 3) == 3


class LosesItsFirst:
    """An executor whose first worker dies."""

    def __init__(self):
        self.calls = 0

    def submit(self, function, /, *args):
        future = Future()
        self.calls += 1
        if self.calls == 1:
            future.set_exception(RuntimeError("the worker was lost"))
        else:
            future.set_result(function(*args))
        return future


def test_a_lost_worker_loses_nothing(whole, tmp_path):
    executor, before = LosesItsFirst(), gm.get_num_threads()
    try:
        table = gm.Sweep(tmp_path, BASE, GRID).run(executor)
    finally:
        gm.set_num_threads(before)
    assert executor.calls == 7 and bytes_of(table) == bytes_of(whole.table())


@pytest.mark.slow
def test_a_pool_of_processes_gives_the_same_bytes(whole, tmp_path):
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        table = gm.Sweep(tmp_path, BASE, GRID).run(pool)
    assert bytes_of(table) == bytes_of(whole.table())


def test_another_sweep_in_the_folder_is_refused(whole, tmp_path):
    with pytest.raises(gm.OccupiedError, match="another sweep"):
        gm.Sweep(whole.out, BASE, {"seed": [9]})
    assert gm.Sweep(whole.out).points == whole.points
    with pytest.raises(gm.DataError, match="epochz"):
        gm.Sweep(tmp_path / "a", BASE, {"stage3.epochz": [1, 2]})
    with pytest.raises(gm.DataError, match="neither"):
        gm.Sweep(tmp_path / "b", BASE)
    with pytest.raises(gm.MissingError):
        gm.Sweep(tmp_path / "c")


def test_a_job_array(whole, tmp_path):
    script = tmp_path / "array.sbatch"
    whole.write_slurm(script, shards=3, time="1:00:00")
    assert "--array=1-3" in script.read_text()
    with pytest.raises(gm.DataError):
        whole.write_slurm(script, shards=5000)


def test_rows_alone(tmp_path):
    sweep = gm.Sweep(tmp_path, BASE, {"keep": "rows", "seed": [1, 2]})
    assert sweep.run()["loss"].size == 2 and sweep.trajectories() == {}
