"""The mean of layers."""

import copy

import torch

from espnet_recursive.convert.average import average


class Layer(torch.nn.Module):
    """A projection and a normalisation that keeps statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(3, 4)
        self.norm = torch.nn.BatchNorm1d(4)


def random_layers(count):
    layers = [Layer() for _ in range(count)]
    for layer in layers:
        layer.norm(torch.randn(50, 4) * (1 + torch.rand(4)) + torch.randn(4))
    return layers


def test_the_mean_of_all_weights():
    torch.manual_seed(0)
    layers = random_layers(3)
    means = average(layers)
    assert list(means) == list(layers[0].state_dict())
    for name, parameter in layers[0].named_parameters():
        of_all = torch.stack([layer.get_parameter(name) for layer in layers])
        torch.testing.assert_close(means[name], of_all.mean(0), msg=name)
        assert means[name].dtype == parameter.dtype
    assert means["norm.num_batches_tracked"] == 1


def test_statistics_are_those_of_all_inputs_together():
    torch.manual_seed(0)
    layers = [Layer(), Layer()]
    inputs = [torch.randn(1000, 4) + 3, 2 * torch.randn(1000, 4) - 1]
    for layer, x in zip(layers, inputs, strict=True):
        layer.norm.running_mean.copy_(x.mean(0))
        layer.norm.running_var.copy_(x.var(0, correction=0))
    means, together = average(layers), torch.cat(inputs)
    torch.testing.assert_close(means["norm.running_mean"], together.mean(0))
    torch.testing.assert_close(means["norm.running_var"], together.var(0, correction=0))


def test_equal_layers_stay_what_they_are():
    """For any number of them: 3 x / 3 is not x in floating point."""
    torch.manual_seed(0)
    (layer,) = random_layers(1)
    for count in range(1, 25):
        means = average([copy.deepcopy(layer) for _ in range(count)])
        assert all(torch.equal(means[name], value) for name, value in layer.state_dict().items())


def test_the_layers_are_not_touched():
    layers = random_layers(2)
    before = copy.deepcopy(layers[0].state_dict())
    for value in average(layers[:1]).values():
        value.zero_()
    average(layers)
    torch.testing.assert_close(layers[0].state_dict(), before, rtol=0, atol=0)
