"""Kernels that extract patches from pictures and add them up again."""

from __future__ import annotations

import numpy as np

from fit_image.nn.runtime.jit import kernel


@kernel
def cut_kernel(levels, starts, strides, block, matrix, offsets, patches):
    """Extract patches; each value is an affine function of its pixel's three.

    ``levels`` are uint8 pixels of three channels, flat; the patch ``i`` begins at ``starts[i]``,
    and its rows are ``strides[i]`` apart. ``patches`` is float32 (count, block * block * 3).
    """
    m00, m01, m02 = matrix[0, 0], matrix[0, 1], matrix[0, 2]
    m10, m11, m12 = matrix[1, 0], matrix[1, 1], matrix[1, 2]
    m20, m21, m22 = matrix[2, 0], matrix[2, 1], matrix[2, 2]
    o0, o1, o2 = offsets[0], offsets[1], offsets[2]
    for i in range(starts.size):
        patch = patches[i]
        for y in range(block):
            start = starts[i] + y * strides[i]
            for x in range(block):
                place, at = start + 3 * x, 3 * (y * block + x)
                r = np.float32(levels[place])
                g = np.float32(levels[place + 1])
                b = np.float32(levels[place + 2])
                patch[at] = m00 * r + m01 * g + m02 * b + o0
                patch[at + 1] = m10 * r + m11 * g + m12 * b + o1
                patch[at + 2] = m20 * r + m21 * g + m22 * b + o2


@kernel
def flat_kernel(levels, starts, strides, block, flat):
    """Set for each patch of `cut_kernel` whether all its pixels are equal."""
    for i in range(starts.size):
        first = starts[i]
        equal = True
        for y in range(block):
            start = first + y * strides[i]
            for k in range(0, 3 * block, 3):
                for channel in range(3):
                    equal &= levels[start + k + channel] == levels[first + channel]
            if not equal:
                break
        flat[i] = equal


@kernel
def add_kernel(patches, starts, stride, block, sums):
    """Add patches to the flat values of the picture that they cover."""
    for i in range(starts.size):
        for y in range(block):
            start = starts[i] + y * stride
            for k in range(3 * block):
                sums[start + k] += patches[i, 3 * block * y + k]
