"""The error for what a user can put right."""


class UserError(ValueError):
    """Something that the user gave cannot be used.

    The message names the file, the line or the key, and the remedy. Commands print it alone,
    without a traceback, and end with status 1.
    """
