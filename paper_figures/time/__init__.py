"""Signals in time: gradients of trajectories without going back."""
