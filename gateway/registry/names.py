"""The rules of names: what may stand in a Table key, a host name, an address or a model list."""

from __future__ import annotations

import re

# `.` and `..` are steps in a path to every client, so a thing of that name could never be asked for.
NAME = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9_.-]{1,64}")
NAME_RULE = "1 to 64 letters, digits, '-', '_' or '.', and not '.' or '..'"

# A label of a host name (RFC 1123), as Azure allows it for a resource.
RESOURCE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
RESOURCE_RULE = "1 to 63 letters, digits or '-', not at either end"

# Providers' own spelling: `meta-llama/Llama-3.1-8B`, `anthropic.claude-3-5-sonnet-v2:0`, `ft:gpt-4o:org::id`.
MODEL = re.compile(r"[A-Za-z0-9_.:/@+-]{1,128}")
MODEL_RULE = "1 to 128 letters, digits or any of '-_.:/@+'"
