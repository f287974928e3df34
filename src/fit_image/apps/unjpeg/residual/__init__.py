"""The convolutional network that predicts what the filters of `..floor` leave of the damage."""
