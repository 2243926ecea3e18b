"""The stage driver asr.sh: its options, what they may be, and the names that follow from them.

Nothing here imports torch, ESPnet or YAML at the top, so that a usage error costs no time.
"""
