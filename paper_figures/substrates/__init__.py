"""Physical systems that learn, and the rules that neighbour equilibrium propagation."""
