"""Training on painted frames of a shot."""
