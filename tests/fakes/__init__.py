"""Stand-ins for what lies outside of a unit."""
