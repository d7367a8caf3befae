"""Figures of what the tool costs, measured side by side with what one would use otherwise."""
