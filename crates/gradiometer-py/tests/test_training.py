import threading
import time

import numpy as np
import pytest

import gradiometer as gm

SMALL = {"student": {"neurons": 20}, "stage3": {"epochs": 2, "steps": 200}, "record": {"every": 50}}


def test_a_run_in_memory(run, teacher):
    assert run.ending == "finished" and run.folder is None
    records = run.trajectory["step"].size
    assert run.angles.shape == (records, 3)
    assert {column.shape for column in run.trajectory.values()} == {(records,)}
    assert run.trajectory["stage"][0] == "start" and run.trajectory["epoch"][0] == -1
    assert np.isnan(run.trajectory["training_loss"]).all()
    exact = gm.loss(teacher, run.student)
    assert abs(run.final.loss.value - exact.value) <= run.final.loss.error + exact.error
    assert run.final["lambda"] == run.trajectory["lambda"][-1]
    assert run.manifest["final"]["loss"] == run.final["loss"]
    assert run.stages["stage"][-1] == "stage3" and run.teacher == teacher
    assert "learned" in run._repr_html_() and run.snapshots["share"].size


def test_figures_are_svg(run):
    figure = run.figures["loss"]
    assert figure._repr_svg_().startswith("<svg") and figure.title
    assert not any("http" in f.svg.replace("http://www.w3.org", "") for f in run.figures.values())


def test_columns_are_taken_as_they_are(run):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(run.trajectory)
    assert frame.shape == (run.trajectory["step"].size, len(run.trajectory))
    assert frame["loss"].to_numpy().tobytes() == run.trajectory["loss"].tobytes()
    polars = pytest.importorskip("polars")
    assert polars.DataFrame(run.trajectory)["step"].dtype == polars.Int64
    pyarrow = pytest.importorskip("pyarrow")
    assert pyarrow.table(run.trajectory).num_rows == frame.shape[0]


def test_the_same_seed_gives_the_same_bytes_in_memory_and_in_a_folder(teacher, run, tmp_path):
    again = gm.train(teacher, out=tmp_path / "run", **SMALL)
    assert again.student == run.student and again.folder == tmp_path / "run"
    for name, column in run.trajectory.items():
        assert again.trajectory[name].tobytes() == column.tobytes(), name
    assert (tmp_path / "run" / "run.json").exists()
    assert again.figures["loss"].svg.startswith("<svg")
    with pytest.raises(gm.OccupiedError, match="resume=True"):
        gm.train(teacher, out=tmp_path / "run", **SMALL)
    other = gm.train(teacher, seed=5, **SMALL)
    assert other.student != run.student


def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(teacher, tmp_path):
    options = {
        "student": {"neurons": 40},
        "stage3": {"epochs": 3, "steps": 1500, "gradient_factor": 0.0},
    }
    whole = gm.train(teacher, **options)
    for out in (None, tmp_path / "run"):
        running = gm.train(teacher, out=out, blocking=False, **options)
        while running.look().steps < 20 and not running.done:
            time.sleep(0.001)
        so_far = running.stop()
        assert so_far.ending == "stopped" and so_far.trajectory["step"].size
        if out is None:
            assert so_far.student is not None
            on = so_far.resume()
        else:
            on = gm.train(teacher, out=out, resume=True, **options)
        assert on.ending == "finished" and on.student == whole.student
        for name, column in whole.trajectory.items():
            assert on.trajectory[name].tobytes() == column.tobytes(), name
    with pytest.raises(gm.DataError, match="stopped"):
        whole.resume()


def test_a_background_run_is_looked_at_and_waited_for(teacher):
    running = gm.train(teacher, blocking=False, **SMALL)
    assert "step" in repr(running)
    done = running.wait(60)
    assert done.ending == "finished" and running.done
    assert running.inspect()["step"].tobytes() == done.trajectory["step"].tobytes()
    long = gm.train(teacher, blocking=False, student={"neurons": 200}, stage3={"steps": 10**6})
    with pytest.raises(TimeoutError):
        long.wait(0.05)
    assert long.stop().ending == "stopped"


def test_a_progress_that_raises_comes_out_as_itself(teacher):
    class Mine(Exception):
        pass

    def progress(look):
        assert look.most_steps > 0
        raise Mine

    with pytest.raises(Mine) as caught:
        gm.train(teacher, progress=progress, student={"neurons": 200}, stage3={"steps": 10**6})
    assert caught.value.partial.ending == "stopped"


def test_training_in_another_thread(teacher, run):
    found = []
    thread = threading.Thread(target=lambda: found.append(gm.train(teacher, **SMALL)))
    thread.start()
    thread.join()
    assert found[0].student == run.student


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"stage3": {"epochz": 3}}, "epochz"),
        ({"stage3": {"epochs": "x"}}, "epochs"),
        ({"student": {"neurons": 0}}, "student.neurons"),
        ({"stage3": {"lambda": 1.0, "weight_decay": 1.0}}, "one"),
        ({"student": {"neurons": {1, 2}}}, "no part"),
        ({"progress": "loud"}, "progress"),
        ({"student": gm.Network([1.0], [[1.0]])}, "dimension"),
    ],
)
def test_a_bad_request_names_the_field(teacher, options, says):
    with pytest.raises(gm.DataError, match=says):
        gm.train(teacher, **options)


def test_experiments_from_files_and_dicts(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(
        "seed = 3\n[teacher]\ndimension = 5\nneurons = 2\n[student]\nneurons = 10\n"
        "[stage3]\nepochs = 1\nsteps = 50\n"
    )
    run = gm.train(path)
    same = gm.train(
        {
            "seed": 3,
            "teacher": {"dimension": 5, "neurons": 2},
            "student": {"neurons": 10},
            "stage3": {"epochs": 1, "steps": 50},
        }
    )
    sized = gm.train(
        {"dimension": 5, "neurons": 2},
        student={"neurons": 10},
        stage3={"epochs": 1, "steps": 50},
        seed=3,
    )
    assert run.student == same.student == sized.student and run.teacher.dimension == 5
    path.write_text("[teacher]\ndimension = 5\nneurons = 2\n[stage3]\nepochz = 3\n")
    with pytest.raises(gm.DataError, match="epochz"):
        gm.train(path)
    with pytest.raises(gm.MissingError):
        gm.train(tmp_path / "nowhere.toml")
    with pytest.raises(FileNotFoundError):
        gm.train(tmp_path / "nowhere.toml")
    with pytest.raises(gm.DataError, match="teacher"):
        gm.train()


def test_watched_claims(teacher):
    run = gm.train(teacher, watch={"claims": ["7.1"], "every": 100}, **SMALL)
    assert set(run.claims["verdict"]) == {"holds"}


def test_samples_and_a_start(teacher, student):
    run = gm.train(
        teacher,
        student=student,
        samples={"count": 500},
        skip=["stage1"],
        stage3={"epochs": 1, "steps": 20, "weight_decay": 1e-2},
    )
    assert not np.isnan(run.trajectory["training_loss"]).any()
    assert run.trajectory["lambda"][-1] == 1e-2 and run.student.neurons == student.neurons
