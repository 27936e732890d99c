"""What `experiments.kept_safe` attacks, and how it looks at what is left."""
