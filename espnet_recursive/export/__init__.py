"""Trained encoders as ONNX files, whose recurrent block stands once and loops in the file."""
