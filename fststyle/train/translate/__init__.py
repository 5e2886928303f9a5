"""Training of a translator from photos to a folder of paintings."""
