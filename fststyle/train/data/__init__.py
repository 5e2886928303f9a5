"""Training photos: download, synthetic scenes, and loading."""
