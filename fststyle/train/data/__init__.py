"""Training photos: loaded, downloaded, generated."""
