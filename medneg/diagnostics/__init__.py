"""Should a model be trusted with "no"? Retrieval, geometry, weights and failures, in one report."""
