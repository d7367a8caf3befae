"""A cluster of thousands of nodes to measure with."""
