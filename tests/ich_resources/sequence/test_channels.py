import numpy as np
import pytest

from ich_resources.sequence.channels import input_channels, pad_features, slice_distances


def test_channels_of_three_networks() -> None:
    p = np.array([0.2, 0.5, 0.8], np.float32)
    probabilities = np.broadcast_to(p[:, None, None], (3, 3, 6))

    channels = input_channels(probabilities, np.array([0.0, 5.0, 12.0]))

    assert channels.shape == (3, 6, 8)
    expected = [0.5, -0.3, -0.3, 0.6, 0.2, 0.5, 0.8]
    assert np.allclose(channels[..., :7], expected, atol=1e-6)
    for kind in range(6):
        assert channels[:, kind, 7].tolist() == [5, 7, 7]


def test_the_classes_and_slices_keep_their_places() -> None:
    probabilities = np.random.default_rng(0).random((3, 4, 6), np.float32)

    channels = input_channels(probabilities, np.arange(4.0))

    assert channels[2, 5, 4:7].tolist() == probabilities[:, 2, 5].tolist()
    assert channels[1, 3, 3] == probabilities[2, 1, 3] - probabilities[0, 1, 3]


def test_one_network_differs_from_itself_by_nothing() -> None:
    channels = input_channels(np.full((1, 2, 6), 0.3, np.float32), np.array([0.0, -2.5]))

    assert channels.shape == (2, 6, 4)
    assert (channels[..., 1] == 0).all() and (channels[..., 3] == -2.5).all()


def test_a_single_slice_has_no_distance() -> None:
    assert slice_distances(np.array([7.0])).tolist() == [0]


def test_features_are_padded_with_zeros_at_the_end() -> None:
    features = [np.full((2, width), width, np.float16) for width in (1024, 1664, 2048)]

    padded = pad_features(features)

    assert padded.shape == (2, 3, 2048) and padded.dtype == np.float16
    for network, width in enumerate((1024, 1664, 2048)):
        assert (padded[:, network, :width] == width).all()
        assert (padded[:, network, width:] == 0).all()


def test_features_wider_than_the_network_takes_are_refused() -> None:
    with pytest.raises(ValueError, match="2049"):
        pad_features([np.zeros((2, 2049), np.float16)])
