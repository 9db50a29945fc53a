"""Data sets: from folders of rows to padded batches."""
