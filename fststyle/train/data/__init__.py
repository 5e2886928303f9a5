"""Training photos: loading, downloading, and synthetic scenes."""
