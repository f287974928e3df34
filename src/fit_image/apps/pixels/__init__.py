"""The pixels of a picture: in what order they are shown, how often, and which never."""
