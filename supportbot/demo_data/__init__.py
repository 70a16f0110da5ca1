"""What the demo starts with: its site, its people, its articles and two weeks of made-up chats.

Everything here may be run again at each start and then changes nothing.
"""
