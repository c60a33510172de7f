"""What all tests share."""

from hypothesis import settings

# How long an example takes tells of the machine and of what else it does, not of the law that is tested.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
