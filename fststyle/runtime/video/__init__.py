"""Videos in, stylized videos out."""
