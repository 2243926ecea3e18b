"""The encoders as ESPnet sees them, one module each, named as ESPnet names its own."""
