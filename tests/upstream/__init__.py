"""A local server that speaks the part of the OpenAI protocol this product uses."""
