"""What was used: recorded for every call, written in batches, added up by day and month."""
