"""The data door: PostgREST's dialect over the tables of the exposed schemas."""
