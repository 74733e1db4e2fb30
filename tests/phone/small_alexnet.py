"""AlexNet's shape, a hundredth of its size: two convolutions, three linear layers, 13 bits."""


def small_alexnet(bits=13, wide=60):
    """Return its convolutions, for photos of 32 pixels, and its linear layers."""
    import torch
    from phone_photos import photos
    from torch import nn

    from mvs_lib.phone.streamed_export import Convolutions

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        layers = nn.Sequential(
            nn.Conv2d(3, 16, 5, stride=2, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(16, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
        )  # fmt: skip
        linear = [nn.Linear(24 * 9, wide), nn.Linear(wide, 50), nn.Linear(50, bits)]
        for layer in (*layers, *linear):
            if hasattr(layer, "weight"):
                nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
    mean, std = (torch.full((1, 3, 1, 1), value) for value in (128.0, 64.0))
    convolutions = Convolutions(layers, mean, std)
    with torch.no_grad():  # so that each bit is on for about half of the photos
        x = convolutions(torch.from_numpy(photos(64, seed=9)))
        for layer in linear[:-1]:
            x = torch.relu(layer(x))
        linear[-1].bias -= linear[-1](x).mean(0)
    return convolutions, linear
