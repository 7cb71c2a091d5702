"""The documents: pages, the settings of their site (conf.py), what writes the reference, and what checks links."""
