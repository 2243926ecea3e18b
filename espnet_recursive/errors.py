"""The error for what a user can put right, and the reason in errors of others."""

import traceback


class UserError(ValueError):
    """Something that the user gave cannot be used.

    The message names the file, the line or the key, and the remedy. Commands print it alone,
    without a traceback, and end with status 1.
    """


def reason(error: BaseException) -> str:
    """The message of an error; for an assertion without a message, its source line."""
    if str(error) or not isinstance(error, AssertionError):
        return str(error) or type(error).__name__
    *_, frame = traceback.extract_tb(error.__traceback__)
    condition = (frame.line or "").removeprefix("assert ")
    return f"these options do not go together, ESPnet needs: {condition}"
