"""Figures of two_tales2024: dual propagation and its adjoint-state form."""
