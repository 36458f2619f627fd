"""Benchmarks on labelled embeddings: metrics of rankings, intervals, pools, and the comparison of methods."""
