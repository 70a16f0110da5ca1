"""Measures retrieval and confidence on questions whose right articles are known."""
