"""What an upgrade survives, in the simulation: crashes at every boundary, random faults, races."""
