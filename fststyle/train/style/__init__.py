"""Training of a style (`fststyle train`), and style transfer by optimization (`fststyle gatys`)."""
