"""Training of one style, and Gatys' optimisation of one picture."""
