"""Training of one style, and style transfer by optimization (Gatys et al.)."""
