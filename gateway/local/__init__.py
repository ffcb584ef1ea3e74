"""The gateway on one machine: what `make run` installs, starts, registers, prints and stops."""
