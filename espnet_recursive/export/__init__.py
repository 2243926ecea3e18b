"""Trained encoders as ONNX files, which contain the recurrent block once, in a loop."""
