"""`make bench`: measures the product beside simpler designs and its peers; see __main__.py."""
