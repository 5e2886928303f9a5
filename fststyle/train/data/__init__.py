"""Training photos: download, synthetic scenes, loading and cropping."""
