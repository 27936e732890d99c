"""Parameter studies of osciprop's own methods, one module each, with their results beside them."""
