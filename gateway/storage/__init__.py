"""Azure Tables: the only room that talks to storage."""
