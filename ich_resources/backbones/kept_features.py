"""Feature maps that saliency takes from the predictions before it: no pass runs twice.

They are kept by the content of the network input. A compiled network takes one slice at a time, so
the maps of a slice do not depend on the slices beside it: a kept map has the bits of a new pass.
"""

import threading
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ich_resources.backbones.compiled import CompiledNetwork
from ich_resources.backbones.heads import Network
from ich_resources.digests import bytes_sha256

LIMIT = 192_000_000
"""Bytes of all maps that are kept: about 100 slices of three networks. Others are made again."""


class KeptFeatures:
    """Feature maps of the series that is under way.

    Parameters
    ----------
    limit : int
        Bytes that are kept at most.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        # Weak: another network may get the id of one that has gone, never its entry.
        self._maps: WeakKeyDictionary[Network, dict[str, npt.NDArray[np.float32]]] = (
            WeakKeyDictionary()
        )
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return sum(maps.nbytes for kept in self._maps.values() for maps in kept.values())

    def forget(self, network: Network) -> None:
        """Remove what is left of a network's earlier series."""
        with self._lock:
            self._maps.pop(network, None)

    def keep(self, network: Network, x: Tensor, features: Tensor) -> None:
        """Keep the maps of some slices, as far as there is room.

        Parameters
        ----------
        network : Network
            Only a ``CompiledNetwork`` is kept.
        x : float32 Tensor, shape (B, 3, S, S)
            Its input.
        features : float32 Tensor, shape (B, K, h, w)
            Its last feature maps.
        """
        if not isinstance(network, CompiledNetwork):
            return
        with self._lock:
            kept = self._maps.setdefault(network, {})
            for row, key in enumerate(_keys(x)):
                maps = features[row].numpy()
                if self.size + maps.nbytes <= self._limit:
                    kept[key] = maps.copy()

    def take(self, network: Network, x: Tensor) -> Tensor | None:
        """Return the kept maps of all these slices, and forget them; None where one is missing.

        Parameters
        ----------
        network : Network
            That made them.
        x : float32 Tensor, shape (B, 3, S, S)
            Its input.

        Returns
        -------
        float32 Tensor or None, shape (B, K, h, w)
            On the CPU.
        """
        if not self._maps.get(network):
            return None
        keys = _keys(x)
        with self._lock:
            kept = self._maps.get(network, {})
            if not kept.keys() >= set(keys):
                return None
            found = np.stack([kept[key] for key in keys])
            for key in set(keys):
                del kept[key]
        return torch.from_numpy(found)


def _keys(x: Tensor) -> list[str]:
    return [bytes_sha256(row.data) for row in np.ascontiguousarray(x.numpy())]


KEPT = KeptFeatures(LIMIT)
"""Those of this process."""
