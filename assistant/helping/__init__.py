"""Help for people: one service a kind of help, asked for by a click, carried out by a worker.

Nothing in here sends anything to a customer.
"""
