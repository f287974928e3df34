"""A page that shows trainings while they go on, to the browsers of this machine."""
