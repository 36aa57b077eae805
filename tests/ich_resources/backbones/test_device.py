"""The device that is asked for, or an error."""

import pytest
import torch

from ich_resources.backbones.device import describe_devices, resolve_devices
from ich_resources.errors import InferenceError

without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")


def test_cpu_is_always_there():
    assert resolve_devices("cpu") == [torch.device("cpu")]
    assert describe_devices([torch.device("cpu")]) == "cpu"


@without_gpu
def test_auto_without_gpu_is_the_cpu():
    assert resolve_devices("auto") == [torch.device("cpu")]


@without_gpu
@pytest.mark.parametrize("wanted", ["cuda", "cuda:0", "cuda:7"])
def test_a_gpu_asked_for_and_absent(wanted):
    with pytest.raises(InferenceError, match=f"{wanted}.* shows 0 CUDA devices") as caught:
        resolve_devices(wanted)
    assert "auto or cpu" in caught.value.remedy


@pytest.mark.parametrize("wanted", ["tpu", "", "cuda:", "cuda:x", "cuda:-1", "CPU", "mps"])
def test_devices_no_one_knows(wanted):
    with pytest.raises(InferenceError, match="unknown device") as caught:
        resolve_devices(wanted)
    assert "cuda:0" in caught.value.remedy


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("wanted", ["auto", "cuda", "cuda:0"])
def test_every_gpu_or_the_one_that_is_named(wanted):
    devices = resolve_devices(wanted)
    count = 1 if ":" in wanted else torch.cuda.device_count()
    assert devices == [torch.device("cuda", index) for index in range(count)]
    assert describe_devices(devices).startswith("cuda:0 (")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_float32_is_not_rounded_to_tf32_on_a_gpu():
    (device, *_) = resolve_devices("cuda")
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32
    a = torch.full((256, 256), 1 + 2**-12, device=device)
    assert (a @ torch.eye(256, device=device) == a).all()
