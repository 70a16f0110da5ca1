"""Faults under load: what is promised holds whatever dies (`make chaos`)."""
