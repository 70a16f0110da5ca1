"""Readers of what help centres are kept in, one module a format; none of them stores anything."""
