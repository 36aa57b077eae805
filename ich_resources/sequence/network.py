"""The network of sequence models 1 and 2: two heads, trained together, over a whole series.

Head 1 is sequence model 1; its answer is one more input channel of head 2, sequence model 2. The
layers are those of the reference (docs/reference.md, section 8): with three base networks
3,485,714 parameters.
"""

import torch
from torch import Tensor, nn

from ich_resources.hemorrhage import CLASSES
from ich_resources.sequence.channels import FEATURE_WIDTH

_REDUCED = 128
_HIDDEN = 96
_CONVOLVED = 256
_DROPOUT = 0.5


class SequenceNetwork(nn.Module):
    """Logits of every slice of a series, from the 2D networks' features and probabilities.

    Parameters
    ----------
    base_networks : int
        Number M of 2D networks below it.

    Raises
    ------
    ValueError
        If there is no base network.
    """

    def __init__(self, base_networks: int) -> None:
        super().__init__()
        if base_networks < 1:
            raise ValueError(f"a sequence network needs a base network, not {base_networks}")
        self.base_networks = base_networks
        width = _REDUCED * base_networks
        # Channel dropout drops a channel for all slices and networks at once.
        self.reduce = nn.Sequential(
            nn.Dropout2d(_DROPOUT),
            nn.Conv2d(FEATURE_WIDTH, 512, 1, bias=False),
            nn.BatchNorm2d(512),
            nn.ReLU(),
            nn.Dropout2d(_DROPOUT),
            nn.Conv2d(512, _REDUCED, 1, bias=False),
            nn.BatchNorm2d(_REDUCED),
            nn.ReLU(),
            nn.Dropout2d(_DROPOUT),
        )
        self.direct1 = nn.Linear(width, len(CLASSES))
        self.recurrent1 = _gru(width)
        self.out1 = nn.Linear(2 * _HIDDEN, len(CLASSES))
        self.convolve = nn.Sequential(
            *_convolution(2 * base_networks + 3, 512, 5, 1),
            *_convolution(512, _CONVOLVED, 3, 2),
            *_convolution(_CONVOLVED, _CONVOLVED, 3, 4),
            *_convolution(_CONVOLVED, _CONVOLVED, 3, 2),
        )
        self.direct2 = nn.Conv2d(_CONVOLVED, 1, (3, 1), padding=(1, 0), bias=False)
        self.recurrent2 = _gru(_CONVOLVED * len(CLASSES))
        self.out2 = nn.Linear(2 * _HIDDEN, len(CLASSES))

    def forward(self, features: Tensor, channels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits of both heads for series of equal length.

        Parameters
        ----------
        features : float32 Tensor, shape (B, L, M, 2048)
            Pooled features of the base networks, in their order.
        channels : float32 Tensor, shape (B, L, 6, 2M + 2)
            From ``channels.input_channels``.

        Returns
        -------
        y1, y2 : float32 Tensor, shape (B, L, 6)
            Logits of head 1, and of head 2, which is the answer.
        """
        y1 = self._head1(features)
        # Not detached: the loss of head 2 trains head 1 too.
        joined = torch.cat([channels, torch.sigmoid(y1)[..., None]], -1)
        return y1, self._head2(joined)

    def _head1(self, features: Tensor) -> Tensor:
        reduced = self.reduce(features.permute(0, 3, 1, 2))  # (B, 128, L, M)
        flat = reduced.permute(0, 2, 1, 3).flatten(2)  # index = channel * M + network
        recurrent, _ = self.recurrent1(flat)
        logits: Tensor = self.direct1(flat) + self.out1(recurrent)
        return logits

    def _head2(self, channels: Tensor) -> Tensor:
        seen = self.convolve(channels.permute(0, 3, 1, 2))  # (B, 256, L, 6)
        direct = self.direct2(seen)[:, 0]
        flat = seen.permute(0, 2, 1, 3).flatten(2)  # index = channel * 6 + class
        recurrent, _ = self.recurrent2(flat)
        logits: Tensor = direct + self.out2(recurrent)
        return logits


def _gru(width: int) -> nn.GRU:
    return nn.GRU(width, _HIDDEN, num_layers=2, batch_first=True, bidirectional=True)


def _convolution(inputs: int, outputs: int, size: int, dilation: int) -> list[nn.Module]:
    """Return a convolution along the slices, the same for each class; the length stays."""
    padding = dilation * (size - 1) // 2
    return [
        nn.Conv2d(
            inputs, outputs, (size, 1), padding=(padding, 0), dilation=(dilation, 1), bias=False
        ),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    ]
