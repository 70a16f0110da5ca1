"""Runs questions with known expectations through whole turns, and judges what came of them."""
