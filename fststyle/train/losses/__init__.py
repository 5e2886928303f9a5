"""The loss functions, one family per module. docs/extending.md has a table of them."""
