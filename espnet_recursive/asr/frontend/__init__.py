"""Frontends that ESPnet takes from its training YAML, each named as ESPnet names its own."""
