"""The service: the query page, a search API, thumbnails, health and metrics, in one process."""
