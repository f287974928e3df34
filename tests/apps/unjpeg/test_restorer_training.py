"""Networks of PyTorch, with which the shipped ones are trained, equal those of the package."""

import numpy as np
import pytest

from fit_image.apps.unjpeg.residual.features import Damage, make_features
from fit_image.apps.unjpeg.residual.model import ResidualNetwork
from fit_image.apps.unjpeg.residual.network import Sizes
from fit_image.nn.runtime.threads import ThreadPool

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("damage", [Damage(7.0, 11.0), Damage(3.0, 3.0, has_blocks=False)])
def test_features_are_those_of_the_package(damage):
    from restorer.network import make_features as make_torch_features

    rng = np.random.default_rng(0)
    planes = rng.normal(0, 30, (3, 32, 48)).astype(np.float32)
    decoded = planes[0] + rng.normal(0, 5, (32, 48)).astype(np.float32)
    expected = make_features(tuple(planes), decoded, damage)
    found = make_torch_features(
        torch.from_numpy(planes[np.newaxis]),
        torch.from_numpy(decoded[np.newaxis, np.newaxis]),
        torch.tensor([list(damage)], dtype=torch.float32),
    )
    assert np.allclose(found[0].permute(1, 2, 0).numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("sizes", [Sizes(16, 3, 32, 2), Sizes(16, 2, 16, 0)])
def test_outputs_are_those_of_the_package(sizes):
    from restorer.network import RestorerNetwork

    torch.manual_seed(0)
    network = RestorerNetwork(sizes)
    with torch.no_grad():
        for param in network.parameters():
            param += 0.02 * torch.randn_like(param)
    features = np.random.default_rng(0).normal(0, 1, (12, 16, 48)).astype(np.float32)
    own = ResidualNetwork(sizes, network.numbers()).network(12, 16)
    outputs = own.forward(features[np.newaxis], own.make_cache(1, ThreadPool(1)))[0, ..., :12]
    expected = outputs.reshape(12, 16, 3, 2, 2).transpose(2, 0, 3, 1, 4).reshape(3, 24, 32)
    with torch.no_grad():
        found = network(torch.from_numpy(features.transpose(2, 0, 1)[np.newaxis].copy()))
    assert np.allclose(found[0].numpy(), expected, atol=1e-4 * np.abs(expected).max())
