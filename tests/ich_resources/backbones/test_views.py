"""The fixed views: what is mirrored, what is reversed, and which comes first."""

import numpy as np

from ich_resources.backbones.views import FIXED_VIEWS, View

PLANES = np.arange(2 * 3 * 2 * 2, dtype=np.uint8).reshape(2, 3, 2, 2)


def test_the_four_views():
    plain, mirrored, turned, both = (view.apply(PLANES) for view in FIXED_VIEWS["four"])
    assert plain[0].tolist() == [[[0, 1], [2, 3]], [[4, 5], [6, 7]], [[8, 9], [10, 11]]]
    assert mirrored[0].tolist() == [[[1, 0], [3, 2]], [[5, 4], [7, 6]], [[9, 8], [11, 10]]]
    assert turned[0].tolist() == [[[8, 9], [10, 11]], [[4, 5], [6, 7]], [[0, 1], [2, 3]]]
    assert both[0].tolist() == [[[9, 8], [11, 10]], [[5, 4], [7, 6]], [[1, 0], [3, 2]]]
    assert mirrored.flags.c_contiguous


def test_the_plain_view_comes_first_and_is_the_only_one_without_augmentation():
    assert FIXED_VIEWS["none"] == FIXED_VIEWS["four"][:1] == (View(),)
    assert len(set(FIXED_VIEWS["four"])) == 4


def test_one_plane_stays_one_plane():
    assert View(reversed=True).apply(PLANES[:, :1]).shape == (2, 1, 2, 2)
