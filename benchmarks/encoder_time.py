"""Time and memory of the encoders; see --help.

python benchmarks/encoder_time.py --full
"""

from encoders.command import main

if __name__ == "__main__":
    main()
