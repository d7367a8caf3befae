"""The only loop that changes anything: lock, fences, gates, steps, resume."""
