"""The learning rate that suits a network and a picture, found by trying all for half an epoch."""
