"""What can go wrong in the lab, each error saying what was done and what came back."""


class LabError(Exception):
    """The lab could not do what was asked."""


class CommandError(LabError):
    """A program ended with a code other than zero."""


class TimedOutError(LabError):
    """A condition did not hold within its limit."""
