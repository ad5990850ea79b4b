import numpy as np
import pytest

import gradiometer as gm


@pytest.fixture(scope="module")
def certificate(teacher):
    return gm.certify(teacher)


def test_a_certificate_is_proved_and_a_bolder_one_refuted(certificate, teacher, tmp_path):
    assert certificate.verdict is gm.Verdict.HOLDS and certificate.rho > 0.3
    path = tmp_path / "t.cert.json"
    certificate.save(path)
    loaded = gm.Certificate.load(path, teacher)
    assert loaded.verdict is gm.Verdict.INCONCLUSIVE and loaded.rho == certificate.rho
    assert gm.check_certificate(loaded, teacher).verdict is gm.Verdict.HOLDS
    bold = gm.check_certificate(certificate.claiming(0.9))
    assert bold.verdict is gm.Verdict.REFUTED and bold.witness.shape == (6,)
    # The witness is one.
    eta, error = certificate.eta_with_error(bold.witness[None])
    angle = min(
        np.arccos(min(1.0, abs(u @ bold.witness) / np.linalg.norm(bold.witness)))
        for u in teacher.directions
    )
    assert abs(eta[0]) + error[0] > 1 - 0.9 * angle**2
    flipped = gm.Teacher([1.0, 0.8, 1.2], teacher.w)
    with pytest.raises(gm.DataError, match="another teacher"):
        gm.Certificate.load(path, flipped)
    assert gm.check_certificate(certificate, flipped).verdict is gm.Verdict.REFUTED
    with pytest.raises(gm.DataError, match="teacher"):
        gm.check_certificate(gm.Certificate.load(path))


def test_eta_interpolates(certificate, teacher):
    assert np.allclose(certificate.eta(teacher.directions), np.sign(teacher.amplitudes), atol=1e-12)
    with pytest.raises(gm.DataError, match="columns"):
        certificate.eta(np.eye(3))


def test_a_verdict_has_no_truth_value(certificate):
    with pytest.raises(TypeError, match="three values"):
        bool(certificate.verdict)
    assert gm.Verdict("holds") is gm.Verdict.HOLDS and str(gm.Verdict.REFUTED) == "refuted"


def test_a_covering_radius(certificate):
    found = gm.net(np.eye(3))
    exact = np.arccos(1 / np.sqrt(3))
    assert found.lower <= exact <= found.upper < found.lower + 1e-12
    assert gm.check_net(np.eye(3), 0.96).verdict is gm.Verdict.HOLDS
    assert gm.check_net(np.eye(3), 0.95).verdict is gm.Verdict.REFUTED
    with pytest.raises(gm.DataError):
        gm.net(np.zeros((2, 3)))


def test_an_analysis(teacher, run, certificate):
    found = gm.analyze(teacher, run.student, run.final["lambda"], certificate=certificate)
    assert {claim.finding for claim in found.claims} <= {"holds", "inapplicable"}
    low, high = found.gap
    assert 0.0 <= low <= high < 1.0
    assert found.gap_proved[0] <= high and found.gap_proved[1] >= low
    assert found.claims.columns["left"].dtype == np.float64 and "<table>" in found._repr_html_()
    assert found.certificate_evidence == "certified"
    with pytest.raises(gm.DataError, match="refuted"):
        gm.analyze(teacher, run.student, 1e-3, certificate=certificate.claiming(0.9))
    with pytest.raises(gm.DataError, match="lambda"):
        gm.analyze(teacher, run.student, -1.0, certificate=certificate)
    # A proof for another teacher counts for nothing here: it is checked, and does not fit.
    flipped = gm.Teacher([1.0, 0.8, 1.2], teacher.w)
    with pytest.raises(gm.DataError, match="refuted"):
        gm.analyze(flipped, run.student, 1e-3, certificate=certificate)


def test_one_statement_at_an_instance(teacher, run):
    claims = gm.claim("7.1", teacher, run.student, 1e-3)
    for claim in claims:
        assert claim.verdict is gm.Verdict.HOLDS and claim.left <= claim.right + claim.rounding
        assert claim.ratio == pytest.approx(claim.left / claim.right)
    with pytest.raises(gm.DataError, match=r"7\.1"):
        gm.claim("77.1", teacher, run.student, 1e-3)


def test_the_list_of_statements():
    found = gm.statements()
    assert len(found) > 40 and found["7.3"].checks[0].control
    assert "Hypotheses" in found["7.3"].explanation and found["7.3"].about_students


def test_a_verification_and_its_controls():
    found = gm.verify(["7.5"], instances=60, steps=20, draws=256)
    assert found.holds and found["7.5"].violations == 0 and found["7.5"].controls_fail
    worst = found["7.5"].worst
    claims = gm.claim("7.5", worst.teacher, worst.student, worst.weight_decay, seed=worst.seed)
    assert max(c.ratio for c in claims) == pytest.approx(found["7.5"].worst_ratio, rel=1e-9)

    # The control fails at an instance.
    def is_broken_at(seed):
        at = gm.Instance.draw(seed)
        found = gm.claim("7.5", at.teacher, at.student, at.weight_decay, seed=seed, control=True)
        return any(claim.verdict is gm.Verdict.REFUTED for claim in found)

    assert any(map(is_broken_at, range(60)))
    # A constant of half the size is refuted.
    half = gm.verify(["7.1"], instances=60, steps=50, draws=256, scale=0.5)
    assert half.holds is False and half["7.1"].violations
    with pytest.raises(gm.DataError, match="no statement"):
        gm.verify(["0.0"])


def test_a_verification_in_a_folder(tmp_path):
    gm.verify(["7.5"], instances=20, steps=4, draws=64, out=tmp_path / "v")
    written = gm.report(tmp_path / "v")
    assert written.page.read_text().startswith("<!DOCTYPE html>")
    with pytest.raises(gm.DataError):
        gm.report(tmp_path)
    with pytest.raises(gm.MissingError):
        gm.report(tmp_path / "nowhere")


def _loss_bound(instance):
    at = instance.quantities()
    if at.p_norm is None:
        return None
    # 7.1: sqrt(L) <= (lambda |p| + sqrt(lambda^2 |p|^2 + 4 max(zeta+, 0)))/2.
    p = instance.weight_decay * at.p_norm
    right = (p + (p * p + 4.0 * max(at.zeta_plus.value, 0.0)) ** 0.5) / 2.0
    rounding = at.root_loss.error + at.zeta_plus.error**0.5 + 1e-9 * right
    return at.root_loss.value, right, rounding


def test_a_conjecture_that_is_a_theorem_is_not_refuted():
    found = gm.test(_loss_bound, instances=40, steps=10)
    assert found.verdict is gm.Verdict.INCONCLUSIVE and found.smallest is None
    assert found.checked > 30 and found.violations == 0 and 0 < np.nanmax(found.ratios) <= 1


def test_a_false_conjecture_is_refuted_by_a_small_instance():
    def half(instance):
        sides = _loss_bound(instance)
        return sides and (sides[0], 0.4 * sides[1], sides[2])

    found = gm.test(half, instances=40, steps=30)
    assert found.verdict is gm.Verdict.REFUTED and found.smallest.is_violated
    assert found.smallest.instance.teacher.neurons == 1
    assert "smallest violation" in found._repr_html_()


def test_an_instance_moves_by_its_seed():
    instance = gm.Instance.draw(3)
    assert instance.moved(0.1, 5) == instance.moved(0.1, 5) != instance
    assert gm.Instance.draw(3) == instance


def test_studies(tmp_path):
    assert "freeze" in gm.studies()["name"]
    found = gm.study("gradients")
    assert list(found) and found.measurements["mean"].dtype == np.float64
    with pytest.raises(gm.DataError, match="names are"):
        gm.study("nothing")
    with pytest.raises(gm.DataError, match="size"):
        gm.study("gradients", "huge")
