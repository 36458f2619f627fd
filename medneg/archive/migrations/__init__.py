"""Alembic's script folder: one module in ``versions`` for every change of the schema."""
