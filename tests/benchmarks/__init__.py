"""The harness of `make bench` itself: its clock, its statistics, its server."""
