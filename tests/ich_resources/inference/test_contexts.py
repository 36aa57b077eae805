"""The content of the input channels: what the checkpoints say, or an error with their names."""

from pathlib import Path

import pytest
from trained_files import trained

from ich_resources.backbones.checkpoint import CheckpointFile
from ich_resources.errors import CheckpointError
from ich_resources.inference.contexts import slice_context


def _file(said: str) -> CheckpointFile:
    about = trained(slice_context=said) if said else None
    path = Path(f"/m/{said or 'released'}.pth")
    return CheckpointFile("DenseNet121_change_avg", path, "digest", False, about)


@pytest.mark.parametrize(
    ("said", "configured", "expected"),
    [
        ([], "auto", "replicated"),
        (["", ""], "auto", "replicated"),
        (["adjacent", "adjacent"], "auto", "adjacent"),
        (["replicated"], "auto", "replicated"),
        (["", ""], "adjacent", "adjacent"),
        (["", "adjacent"], "adjacent", "adjacent"),
        (["replicated"], "replicated", "replicated"),
    ],
)
def test_what_is_used(said, configured, expected):
    assert slice_context([_file(s) for s in said], configured) == expected


@pytest.mark.parametrize(
    ("said", "configured", "names"),
    [
        (["", "adjacent"], "auto", ["nothing: ", "released.pth", "adjacent: ", "adjacent.pth"]),
        (["", "replicated"], "auto", ["released.pth", "replicated.pth"]),
        (["adjacent", "replicated"], "auto", ["adjacent.pth", "replicated.pth"]),
        (["", "adjacent"], "replicated", ["slice_context is replicated", "adjacent.pth"]),
        (["replicated"], "adjacent", ["slice_context is adjacent", "replicated.pth"]),
    ],
)
def test_a_mixture_and_a_contradiction_name_the_files(said, configured, names):
    with pytest.raises(CheckpointError) as caught:
        slice_context([_file(s) for s in said], configured)
    assert all(name in str(caught.value) for name in names)
    assert "networks.slice_context" in caught.value.remedy
