"""The encoders and what belongs to them, laid out as in `espnet2.asr`."""
