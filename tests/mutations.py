"""Damaged and forged variants of files, from a random generator."""

from __future__ import annotations

import copy
import io
import json
import re

import numpy as np

NUMBERS = (0, -1, 1, 2, 255, 2**31, 2**53, 2**63, -(2**63), 10**400, 0.5, -0.0, 1e308)
NUMBERS += (float("inf"), float("-inf"), float("nan"))
TEXTS = ("", "none", "../x.gif", "/etc/passwd", "\0", "\x1f", "\ud800", "\udcff", "x" * 5000)
OTHERS = (None, True, [], {}, [0], {"x": 1}, [[[]]])
TOKENS = (*map(str, NUMBERS), "", "nan", "1e999", "-5", "0x10", "1_0", "²", "\0", "\x1f", "\r", '"')
TOKENS += ("'", "=", "[", "]", ",,", ";", "\ufeff", "x" * 300, "9" * 5000)
REALS = (0.0, -1.0, 0.5, 1e30, float("inf"), float("-inf"), float("nan"))
WHOLE = (0, -1, 1, 2, 3, 64, 65_535)
DTYPES = ("f2", "f4", "f8", "i1", "u1", "i8", "u8", ">f4", "U5", "U1", "S3", "c16", "M8[s]", "?")
FEW = (1, 1, 1, 1, 2, 4)  # changes
_LARGEST = "@largest@"


def damaged(rng, data):
    """Change some bytes."""
    data = bytearray(data)
    for _ in range(rng.choice(FEW)):
        at = rng.randrange(len(data) + 1)
        stop = min(at + rng.choice((1, 2, 4, 8, 64)), len(data))
        match rng.randrange(6):
            case 0:
                data[at:stop] = bytes(rng.randrange(256) for _ in range(stop - at))
            case 1:
                data[at:stop] = rng.choice((b"\0", b"\xff", b"\x7f")) * (stop - at)
            case 2:
                del data[at:stop]
            case 3:
                data[at:at] = data[at:stop] * rng.choice((1, 2, 100))
            case 4:
                data[at:stop] = rng.randrange(256).to_bytes(8, rng.choice(("big", "little")))
            case 5 if rng.random() < 0.3:
                del data[at:]
    return bytes(data)


def forged_json(rng, data):
    """Change some values of a document."""
    document = json.loads(data)
    for _ in range(rng.choice(FEW)):
        place, key = rng.choice(list(_places(document)))
        match rng.randrange(4):
            case 0:
                del place[key]
            case 1 if isinstance(place, dict):
                place[rng.choice(TEXTS)] = copy.deepcopy(place[key])
            case 2:
                place[key] = rng.choice((copy.deepcopy(rng.choice(OTHERS)), _LARGEST))
            case _:
                place[key] = rng.choice((rng.choice(NUMBERS), rng.choice(TEXTS)))
        if not list(_places(document)):
            break
    text = json.dumps(document, indent=rng.choice((None, 1)))
    text = text.replace(f'"{_LARGEST}"', rng.choice(("9" * 5000, "[" * 100_000, "1e999")))
    return text.encode()


def _places(value):
    for key in value if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])


def forged_text(rng, data):
    """Change some words and lines of a table."""
    text = data.decode()
    for _ in range(rng.choice(FEW)):
        words = list(re.finditer(r"[^\s,=\"\[\]]+", text))
        lines = text.splitlines(keepends=True)
        match rng.randrange(5):
            case 0 if lines:
                del lines[rng.randrange(len(lines))]
                text = "".join(lines)
            case 1 if lines:
                lines.insert(rng.randrange(len(lines)), rng.choice(lines))
                text = "".join(lines)
            case 2:
                at = rng.randrange(len(text) + 1)
                text = text[:at] + rng.choice(TOKENS) + text[at:]
            case 3 if rng.random() < 0.02:
                at = rng.randrange(len(text) + 1)
                text = text[:at] + rng.choice("x9[,") * 200_000 + text[at:]
            case _ if words:
                word = rng.choice(words)
                text = text[: word.start()] + rng.choice(TOKENS) + text[word.end() :]
    return text.encode(errors="surrogatepass")


def forged_npz(rng, data):
    """Change names, types, shapes and values of some arrays."""
    with np.load(io.BytesIO(data)) as archive:
        arrays = dict(archive)
    for _ in range(rng.choice(FEW)):
        name = rng.choice(list(arrays))
        match rng.randrange(9):
            case 0:
                del arrays[name]
            case 1:
                arrays[rng.choice((*arrays, "weights_9", "x"))] = arrays.pop(name)
            case 2:
                arrays[name] = arrays[rng.choice(list(arrays))]
            case 3 | 4:
                arrays[name] = _cast(arrays[name], rng.choice(DTYPES))
            case 5:
                arrays[name] = _cast(np.full_like(arrays[name], 1, float), rng.choice(("f4", "i8")))
            case 6:
                arrays[name] = np.array(rng.choice((1, 4, 2**40, 2**62, -1, 10**6, 65_536, *REALS)))
            case 7:
                array = arrays[name]
                shapes = (array.ravel(), array[np.newaxis], array[..., np.newaxis], array.T)
                shapes += (array.ravel()[:0], np.resize(array, (1000, 1)), np.resize(array, (9, 0)))
                arrays[name] = rng.choice(shapes)
            case _:
                array = np.array(arrays[name])
                if array.size and array.dtype.kind in "fi":
                    values = REALS if array.dtype.kind == "f" else WHOLE
                    array.flat[rng.randrange(array.size)] = np.array(rng.choice(values)).astype(
                        array.dtype
                    )
                arrays[name] = array
        if not arrays:
            break
    buffer = io.BytesIO()
    rng.choice((np.savez, np.savez_compressed))(buffer, **arrays)
    return buffer.getvalue()


def _cast(array, dtype):
    with np.errstate(all="ignore"):
        try:
            return array.astype(dtype)
        except (TypeError, ValueError, OverflowError, RuntimeError):
            return np.zeros(array.shape, dtype)
