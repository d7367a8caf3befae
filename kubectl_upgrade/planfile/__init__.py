"""The plan file: read strictly, judged, written, digested."""
