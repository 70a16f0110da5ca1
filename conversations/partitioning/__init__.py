"""Turns the table of messages into one that is hash-partitioned by conversation, while it is used.

For ``manage.py partition_messages`` alone: nothing of the product knows how the table is stored.
"""
