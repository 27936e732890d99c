"""Figures of Laborieux and Zenke, NeurIPS 2022 (arXiv 2209.00530)."""
