"""Traces: what actions did on real nodes, recorded and replayed on the simulation."""
