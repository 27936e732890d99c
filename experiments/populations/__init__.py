"""Random systems, and beside each its equations of motion in NumPy."""
