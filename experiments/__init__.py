"""Training runs behind published tables: one script each, results beside them."""
