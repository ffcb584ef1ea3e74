"use strict"; // Azurite loads this at its start; with --disableTelemetry it calls nothing of it.
