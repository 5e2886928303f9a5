"""Training. These modules need PyTorch."""
