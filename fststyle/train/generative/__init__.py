"""Trainers on sets of small pictures: GAN, VAE, classifier."""
