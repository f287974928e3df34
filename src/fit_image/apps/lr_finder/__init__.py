"""The learning rate that suits a network and a picture, found by trying all in turn."""
