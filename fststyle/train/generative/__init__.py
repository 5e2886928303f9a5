"""Training of GANs, VAEs and classifiers on datasets of small images."""
