import pytest
import torch

from ich_resources.sequence.network import SequenceNetwork


@pytest.mark.parametrize(
    ("networks", "parameters"), [(3, 3_485_714), (4, 3_565_330), (1, 3_326_482)]
)
def test_the_network_has_the_parameters_and_keys_of_the_reference(
    networks: int, parameters: int
) -> None:
    network = SequenceNetwork(networks)

    assert sum(p.numel() for p in network.parameters()) == parameters
    assert len(network.state_dict()) == 75


def _input(length: int, networks: int = 3, batch: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(length)
    features = torch.rand(batch, length, networks, 2048)
    return features, torch.rand(batch, length, 6, 2 * networks + 2)


@pytest.mark.parametrize("length", [1, 2, 50])
def test_both_heads_answer_for_each_slice_and_class(length: int) -> None:
    network = SequenceNetwork(3).eval()

    with torch.inference_mode():
        y1, y2 = network(*_input(length))

    assert y1.shape == y2.shape == (1, length, 6)
    assert y1.isfinite().all() and y2.isfinite().all()


def test_a_series_alone_equals_itself_in_a_batch_of_equal_lengths() -> None:
    network, (features, channels) = SequenceNetwork(3).eval(), _input(20, batch=4)

    with torch.inference_mode():
        together = network(features, channels)[1]
        alone = [
            network(features[row : row + 1], channels[row : row + 1])[1][0] for row in range(4)
        ]

    assert torch.allclose(together, torch.stack(alone), atol=1e-6)


def test_channel_dropout_drops_a_channel_for_all_slices_and_networks() -> None:
    torch.manual_seed(0)
    network = SequenceNetwork(3)
    dropped = network.reduce[0].train()(torch.ones(2, 2048, 20, 3))

    whole = dropped.flatten(2)
    assert ((whole == 0).all(2) | (whole == 2).all(2)).all()
    assert 0.4 < (whole[..., 0] == 0).float().mean() < 0.6


def test_the_convolutions_see_23_slices_and_the_second_loss_trains_the_first_head() -> None:
    network = SequenceNetwork(1).eval()
    features, channels = _input(60, networks=1)
    channels.requires_grad_()
    seen = network.convolve(torch.cat([channels, channels[..., :1]], -1).permute(0, 3, 1, 2))
    network.direct2(seen)[0, 0, 30].sum().backward()
    reached = channels.grad[0].abs().sum((1, 2)).nonzero().flatten().tolist()

    network.zero_grad()
    network(features, channels)[1].sum().backward()

    assert reached[0] == 30 - 11 and reached[-1] == 30 + 11
    assert network.direct1.weight.grad.abs().sum() > 0
