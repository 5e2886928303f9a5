"""The training half of fststyle: data, networks, losses and training loops.

The settings modules, `shared_options` and `data.download` do not import PyTorch. Most other modules do.
"""
