"""The simpler designs and peers that are measured beside the product, as one would write them."""
