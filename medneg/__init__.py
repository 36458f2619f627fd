"""medneg: search over chest radiographs that understands what should not be there."""

__version__ = "0.1.0"
