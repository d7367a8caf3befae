"""A modelled cluster behind the World seam: virtual time, seeded order, faults on demand."""
