"""Weights from objects that look like those of PyTorch, equinox and flax."""

import numpy as np
import pytest

import gradiometer as gm

RNG = np.random.default_rng(0)
W, A = RNG.standard_normal((4, 3)), RNG.standard_normal((1, 4))
EXPECTED = gm.Network(A[0], W)


def test_a_state_dict():
    for names in (("fc1.weight", "fc2.weight"), ("0.weight", "2.weight"), ("x", "y")):
        assert gm.Network.from_torch(dict(zip(names, (W, A), strict=True))) == EXPECTED
    compiled = {
        "_orig_mod.0.weight": W,
        "_orig_mod.2.weight": A,
        "_orig_mod.2.bias": np.array([0.5]),
    }
    found = gm.Network.from_torch(compiled)
    assert found.constant == 0.5 and np.array_equal(found.w, W)


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ({"0.weight": W, "0.bias": np.ones(4), "2.weight": A}, "bias"),
        ({"0.weight": W}, "not seen"),
        ({"0.weight": W, "1.weight": W, "2.weight": A}, "first="),
        ({"0.weight": W, "2.weight": A, "extra": np.ones(2)}, "extra"),
        ({"0.weight": W, "2.weight": A[:, :2]}, "not seen"),
    ],
)
def test_what_is_not_one_network_is_refused_by_name(state, says):
    with pytest.raises(gm.DataError, match=says):
        gm.Network.from_torch(state)


def test_square_layers_and_one_neuron():
    one, square = np.ones((1, 1)), np.eye(4)
    assert gm.Network.from_torch({"0.weight": one * 2, "2.weight": one}).w[0, 0] == 2.0
    assert gm.Network.from_torch({"0.weight": square, "2.weight": A}).dimension == 4
    with pytest.raises(gm.DataError, match="no matrix"):
        gm.Network.from_torch({"0.weight": W, "2.weight": A}, first="nothing")


class Layer:
    def __init__(self, weight, bias=None):
        self.weight, self.bias = weight, bias


def test_equinox_layers():
    assert gm.Network.from_equinox([Layer(W), Layer(A)]) == EXPECTED
    with pytest.raises(gm.DataError, match="bias"):
        gm.Network.from_equinox([Layer(W, np.ones(4)), Layer(A)])
    with pytest.raises(gm.DataError, match="3 linear layers"):
        gm.Network.from_equinox([Layer(W), Layer(W), Layer(A)])


def test_flax_kernels_are_transposed():
    state = {
        "params": {"Dense_0": {"kernel": W.T}, "Dense_1": {"kernel": A.T, "bias": np.zeros(1)}}
    }
    assert gm.Network.from_flax(state) == EXPECTED
    square = RNG.standard_normal((4, 4))
    found = gm.Network.from_flax({"a": {"kernel": square}, "b": {"kernel": A.T}})
    assert np.array_equal(found.w, square.T)
