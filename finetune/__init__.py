"""Trainers: from an archive or from phantoms to a model."""
