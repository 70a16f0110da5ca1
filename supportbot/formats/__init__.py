"""How dates and times are written in the admin, the desk and the reports, by language."""
