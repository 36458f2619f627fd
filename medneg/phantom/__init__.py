"""Procedural chest radiographs with exact labels and reports: drawings, not patients."""
