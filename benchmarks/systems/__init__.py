"""What is measured: the product, simpler designs, and peers, each behind the same face."""
