"""The training half of fststyle: data, networks, losses and training loops. Its modules need PyTorch, except
those named `settings` and `shared_options`.
"""
