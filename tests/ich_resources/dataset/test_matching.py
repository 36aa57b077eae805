import numpy as np
import pytest

from ich_resources.dataset.matching import NotUsed, match, unmatched_bytes
from ich_resources.errors import DatasetError
from ich_resources.labels import Labels


def labels(*ids, level="slice"):
    values = np.tile(np.arange(len(ids), dtype=np.float32)[:, None] % 2, (1, 6))
    return Labels(level, ids, values)


def test_labels_come_to_their_slices_and_the_rest_is_listed():
    found = match(
        labels("b", "ID_a", "lost", "bad", "broken"),
        ["a", "ID_b", "extra"],
        {"bad": NotUsed("CONSTANT", "one value"), "ID_broken": NotUsed("UNREADABLE", "cut")},
    )
    assert found.values[:, 0].tolist()[:2] == [1, 0] and np.isnan(found.values[2]).all()
    assert [(i.name, i.what) for i in found.unmatched] == [
        ("bad", "label of a slice that is not used"),
        ("broken", "label of a slice that is not used"),
        ("lost", "label without slice"),
        ("extra", "slice without label"),
    ]
    assert found.share == pytest.approx(1 / 3)  # one of five labels, one of three slices
    assert unmatched_bytes(found.unmatched).decode().splitlines()[:3] == [
        "id,what,code,reason",
        "bad,label of a slice that is not used,CONSTANT,one value",
        "broken,label of a slice that is not used,UNREADABLE,cut",
    ]


def test_a_formula_and_a_comma_in_a_file_are_made_harmless():
    found = match(labels("a", '=x,"y"'), ["a"], {})
    assert unmatched_bytes(found.unmatched).decode().splitlines()[1].startswith('"\'=x,""y""",')


def test_a_label_of_a_slice_that_is_not_used_does_not_count():
    found = match(labels("a", "bad"), ["a"], {"bad": NotUsed("CONSTANT", "one value")})
    assert found.share == 0 and found.count("label of a slice that is not used") == 1


def test_labels_by_study_and_labels_of_other_slices_are_errors():
    with pytest.raises(DatasetError, match="labels are by study.*-> give labels with SOPInstance"):
        match(labels("a", level="study"), ["a"], {})
    with pytest.raises(DatasetError, match="none of the 2 labels is of one of the 1 slices"):
        match(labels("a", "b"), ["c"], {})
