"""Photos with labels: the generated campus, capture noise, CIFAR-10, your own folder."""
