"""Sets of pictures of one size, from folders, arrays, IDX and CIFAR-10 files."""
