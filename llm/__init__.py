"""Engines that write replies, and the only importer of the OpenAI SDK."""
