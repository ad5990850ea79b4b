import copy
import multiprocessing
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import gradiometer as gm

finite = st.floats(-1e6, 1e6, allow_subnormal=False)


@st.composite
def layers(draw):
    m, d = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    a = draw(hnp.arrays(np.float64, m, elements=finite))
    w = draw(hnp.arrays(np.float64, (m, d), elements=finite))
    return a, w


@given(layers())
def test_a_network_comes_back_from_pickle_and_compares_by_its_numbers(of):
    network = gm.Network(*of)
    for protocol in (2, 5):
        assert pickle.loads(pickle.dumps(network, protocol)) == network
    assert copy.deepcopy(network) == network and hash(copy.copy(network)) == hash(network)
    assert np.array_equal(network.a, of[0]) and np.array_equal(network.w, of[1])
    moved = gm.Network(of[0] + 1.0, of[1])
    assert moved != network


@pytest.mark.parametrize("ending", ["json", "toml", "safetensors", "npz"])
def test_every_bit_comes_back_from_a_file(tmp_path, ending, student):
    path = tmp_path / f"net.{ending}"
    student.save(path)
    assert gm.Network.load(path) == student


@pytest.mark.parametrize(
    "convert",
    [
        np.asfortranarray,
        lambda x: np.repeat(x, 2, axis=0)[::2],
        lambda x: x.astype(x.dtype.newbyteorder()),
        lambda x: x.astype(np.float32).astype(np.float64) * 0 + x,
        lambda x: x.tolist(),
        lambda x: x.astype(object).astype(float),
        lambda x: np.frombuffer(x.tobytes()).reshape(x.shape),
    ],
)
def test_arrays_of_any_layout_are_one(population, student, convert):
    value, (ga, gw) = population.value_and_grad(student.a, student.w)
    other, (oa, ow) = population.value_and_grad(convert(student.a), convert(student.w))
    assert value == other and np.array_equal(ga, oa) and np.array_equal(gw, ow)


@pytest.mark.parametrize("kind", [np.float32, np.float16, np.int64, np.int8, np.bool_, np.uint32])
def test_narrow_numbers_are_widened_exactly(kind):
    a, w = np.array([1, 0, 1], kind), np.eye(3, 4).astype(kind)
    assert gm.Network(a, w) == gm.Network(a.astype(float), w.astype(float))


@pytest.mark.parametrize(
    ("a", "w", "error", "says"),
    [
        ([1.0], [[1.0, float("nan")]], gm.DataError, "NaN"),
        ([float("inf")], [[1.0]], gm.DataError, "inf"),
        ([1.0, 2.0], [[1.0]], gm.DataError, "2"),
        ([], np.empty((0, 3)), gm.DataError, "neuron"),
        (1.0, [[1.0]], gm.DataError, "a has shape"),
        ([1.0], [1.0], gm.DataError, "w has shape"),
        (["x"], [[1.0]], TypeError, "a has entries"),
        ([1.0], [[1j]], TypeError, "w has entries"),
        ([1.0], np.array([[1.0]], np.longdouble), TypeError, "w has entries"),
        ([1.0], np.array([[None]]), TypeError, "w has entries"),
        ([1.0], [[1.0, 2.0], [3.0]], TypeError, "w cannot be read"),
    ],
)
def test_bad_arrays_are_refused_by_name(a, w, error, says):
    with pytest.raises(error, match=says):
        gm.Network(a, w)


def test_nothing_that_is_handed_out_changes_the_object(teacher, student):
    before = gm.loss(teacher, student)
    for array in (teacher.w, student.a):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 7.0
    teacher.amplitudes[0] = 7.0
    with pytest.raises(AttributeError, match="does not change"):
        student.a = np.zeros(8)
    assert gm.loss(teacher, student) == before


def test_arrays_own_their_memory(teacher, student):
    assert all(x.base is None for x in (teacher.a, teacher.w, student.a, student.w))


def test_a_teacher_has_no_zero_neuron_and_no_affine_part():
    with pytest.raises(gm.DataError):
        gm.Teacher([1.0, 0.0], np.eye(2))
    with pytest.raises(gm.DataError):
        gm.Teacher(gm.Network([1.0], [[1.0]], constant=1.0))
    with pytest.raises(ValueError, match="signs"):
        gm.Teacher.generate(dimension=4, neurons=2, signs=[1, 0])


def test_a_teacher_is_its_function(teacher):
    x = np.random.default_rng(0).standard_normal((50, 6))
    by_hand = sum(a * np.maximum(x @ w, 0) for a, w in zip(teacher.a, teacher.w, strict=True))
    assert np.allclose(teacher(x), by_hand, rtol=0, atol=1e-14)
    network = gm.Network([2.0], [[1.0, 0.0]], constant=3.0, linear=[0.0, 5.0])
    assert network([[1.0, 1.0], [-1.0, 2.0]]).tolist() == [10.0, 13.0]


def test_an_inspection_has_its_numbers(teacher):
    found = teacher.inspect()
    assert found.rank == 3 and found.is_separated and found.is_non_degenerate
    assert found.separation == pytest.approx(np.pi / 2)
    assert "rank" in dir(found) and "<table>" in found._repr_html_()
    with pytest.raises(AttributeError, match="there are"):
        _ = found.nothing


def test_clusters_and_recovery(teacher):
    near = gm.Network.near(teacher, angle=0.01, per_neuron=2)
    found = gm.match(teacher, near)
    assert found.learned == "fully" and found.features["learned"].all()
    assert gm.match(teacher, gm.Network([1.0], [[0, 0, 0, 0, 0, 1.0]])).learned == "not"
    assert len(near.clusters().columns["neurons"]) == 3
    with pytest.raises(gm.DataError):
        gm.match(teacher, gm.Network([1.0], [[1.0]]))


def _mass(network):
    return float(np.abs(network.masses).sum())


@pytest.mark.slow
def test_a_network_reaches_a_spawned_process(student):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_mass, (student,)) == _mass(student)
