"""Phantom patients: every kind of bleed where it belongs, with labels by area of blood."""

import numpy as np
import pytest

from ich_resources.demo.anatomy import DURA, LATERAL_VENTRICLES
from ich_resources.demo.bleeds import CLOT_DEPTH
from ich_resources.demo.patients import (
    BLOOD_HU,
    KINDS,
    POSITIVE_MM2,
    Patient,
    draw_patient,
    heights_of,
    slice_of,
    volume_of,
)
from ich_resources.demo.plane import Plane
from ich_resources.hemorrhage import CLASSES

SIZE = 128
HEIGHTS = np.arange(0.1, 0.95, 0.1)
SEEDS = range(4)


def covers(patient: Patient) -> list[tuple[Plane, np.ndarray]]:
    """Return the planes of a patient's only bleed that have blood."""
    (bleed,) = patient.bleeds
    planes = [patient.plane(height, SIZE) for height in HEIGHTS]
    found = [(plane, bleed.cover(plane)) for plane in planes]
    return [(plane, cover) for plane, cover in found if cover.any()]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", SEEDS)
def test_blood_is_inside_the_skull_and_as_bright_as_blood(kind, seed):
    patient = draw_patient(seed, [kind])
    assert [bleed.kind for bleed in patient.bleeds] == [kind]
    assert BLOOD_HU[0] <= patient.bleeds[0].hu <= BLOOD_HU[1]
    bloody = covers(patient)
    assert bloody
    for plane, cover in bloody:
        assert cover.min() >= 0 and cover.max() <= 1
        assert plane.depth[cover > 0].min() > -1
        hu, _ = slice_of(patient, plane.z / 120, SIZE)
        if (cover == 1).sum() > 20:
            assert hu[cover == 1].mean() == pytest.approx(patient.bleeds[0].hu, abs=3)


@pytest.mark.parametrize("seed", SEEDS)
def test_epidural_blood_touches_the_dura_and_is_a_thick_lens(seed):
    for plane, cover in covers(draw_patient(seed, ["epidural"])):
        depth = plane.depth[cover > 0.5]
        if depth.size > 100:
            assert depth.min() < 3
            assert 5 < depth.max() < 25


@pytest.mark.parametrize("seed", SEEDS)
def test_parenchymal_blood_leaves_the_cortex_free(seed):
    for plane, cover in covers(draw_patient(seed, ["intraparenchymal"])):
        assert plane.depth[cover > 0.6].min(initial=CLOT_DEPTH) >= CLOT_DEPTH


@pytest.mark.parametrize("seed", SEEDS)
def test_ventricular_blood_is_in_the_ventricles_and_settles_behind_a_level(seed):
    patient = draw_patient(seed, ["intraventricular"])
    (bleed,) = patient.bleeds
    for plane, cover in covers(patient):
        walls = np.maximum.reduce([plane.inside(part) for part in LATERAL_VENTRICLES])
        midline = np.abs(np.broadcast_to(plane.x, cover.shape)) < 3
        assert (walls[(cover > 0.5) & ~midline] > -1).all()
        assert (np.broadcast_to(plane.y, cover.shape)[cover > 0.5] > bleed.level - 1).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_subarachnoid_blood_is_along_sulci_of_one_side(seed):
    patient = draw_patient(seed, ["subarachnoid"])
    for plane, cover in covers(patient):
        assert (plane.sulcus[cover > 0.5] < 3).all()
        assert (plane.depth[cover > 0] < 27).all()
        sides = np.sign(np.broadcast_to(plane.x, cover.shape)[cover > 0.3])
        assert len(set(sides)) <= 1


@pytest.mark.parametrize("seed", SEEDS)
def test_subdural_blood_is_a_thin_layer_along_the_dura(seed):
    (bleed,) = draw_patient(seed, ["subdural"]).bleeds
    for plane, cover in covers(draw_patient(seed, ["subdural"])):
        assert (plane.depth[cover > 0.5] < bleed.thickness + 1).all()
    middle = Plane(bleed.extent.z / 120, SIZE)
    turns = np.arctan2(middle.y, middle.x)[bleed.cover(middle) > 0.5]
    assert np.ptp(np.rad2deg(np.abs(turns))) > 30 or np.ptp(np.rad2deg(turns)) > 60
    assert DURA.rx > bleed.thickness


def test_a_slice_is_positive_from_40_mm2_of_blood_on():
    patient = draw_patient(5, ["subdural"])
    (bleed,) = patient.bleeds
    seen = set()
    for height in np.arange(0.1, 1.0, 0.02):
        plane = patient.plane(height, SIZE)
        area = bleed.cover(plane).sum() * plane.pixel_area
        _, labels = slice_of(patient, height, SIZE)
        expected = np.zeros(6)
        expected[[0, CLASSES.index("subdural")]] = area >= POSITIVE_MM2
        assert labels.tolist() == expected.tolist()
        seen.add((area > 0, bool(labels[0])))
    assert seen == {(False, False), (True, False), (True, True)}


def test_any_is_the_largest_of_the_kinds():
    patient = draw_patient(3, ["epidural", "intraventricular"])
    _, labels = volume_of(patient, HEIGHTS, 64)
    assert labels.shape == (9, 6)
    assert labels.dtype == np.float32
    assert (labels[:, 0] == labels[:, 1:].max(axis=1)).all()
    assert labels.any(axis=0).tolist() == [True, True, False, True, False, False]


def test_a_patient_depends_on_its_seed_alone():
    first, again, other = draw_patient(11), draw_patient(11), draw_patient(12)
    assert first == again
    one, two = (volume_of(p, heights_of(p, 2), 64)[0] for p in (first, again))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, volume_of(other, heights_of(first, 2), 64)[0])


def test_the_same_head_without_its_bleed_differs_in_the_blood_alone():
    patient = draw_patient(8, ["intraparenchymal"])
    plain = draw_patient(8, [])
    for plane, cover in covers(patient):
        height = plane.z / 120
        with_blood, without = (slice_of(p, height, SIZE)[0] for p in (patient, plain))
        assert np.array_equal(with_blood[cover == 0], without[cover == 0])
        assert not np.array_equal(with_blood, without)


def test_about_three_of_five_bleed_and_every_kind_is_drawn():
    drawn = [{bleed.kind for bleed in draw_patient(seed).bleeds} for seed in range(400)]
    assert sum(map(bool, drawn)) == pytest.approx(240, abs=30)
    assert sum(len(kinds) == 2 for kinds in drawn) == pytest.approx(72, abs=25)
    counts = [sum(kind in kinds for kinds in drawn) for kind in KINDS]
    assert min(counts) > 40


@pytest.mark.parametrize("kind", KINDS)
def test_at_least_so_much_blood(kind):
    assert draw_patient(17, [kind], at_least_ml=10).blood_ml >= 10


def test_the_volume_of_a_ball():
    """A clot of 15 mm radius far from the dura has 4/3 pi 15^3 mm3 = 14.1 ml."""
    from ich_resources.demo.anatomy import Ellipsoid
    from ich_resources.demo.bleeds import Clot

    ball = Clot(60.0, Ellipsoid(0, 20, 0, 60, 15, 15, 15))
    assert Patient(0, (ball,)).blood_ml == pytest.approx(14.1, rel=0.05)


def test_heights_cover_the_head():
    heights = heights_of(draw_patient(0), 12)
    assert np.allclose(np.diff(heights), 1 / 12)
    assert 0 < heights[0] < 1 / 12 and 11 / 12 < heights[-1] < 1


def test_an_unknown_kind():
    with pytest.raises(ValueError, match="the kinds of bleeds are epidural, .*, not stroke"):
        draw_patient(0, ["stroke"])
