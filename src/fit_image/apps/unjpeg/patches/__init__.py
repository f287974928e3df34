"""Patches of pictures: cut out and put together, loaded in shuffled order, sampled evenly."""
