"""The convolutional networks that predict what the filters of `..floor` leave of the damage."""
