"""Pure choice: which deployment serves a call, in which order, and what a failure means."""
