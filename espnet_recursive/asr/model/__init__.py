"""ESPnet's recogniser with other training losses; nothing changes at inference."""
