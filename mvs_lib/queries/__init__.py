"""What a phone may send: images, features, compressed features, hash bits, in real bytes."""
