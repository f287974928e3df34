"""The kind of a file by its first bytes, where it is one that cannot be read."""

from __future__ import annotations

import contextlib
import zlib
from collections import Counter
from typing import BinaryIO, NamedTuple

from fit_image.errors import InputError
from fit_image.images import signatures
from fit_image.images.formats.jpeg_blocks import unusual_process
from fit_image.images.formats.tiff import Page, with_subpages
from fit_image.images.formats.tiff_pixels import unsupported_pixels

START = 4096
"""How many bytes `identify` looks at."""

_COMMON = signatures.PNG, signatures.JPEG, signatures.GIF
_MAKE, _DNG_VERSION = 271, 50706  # tags of TIFF


class FileKind(NamedTuple):
    """A kind of file that cannot be read, or not by every installation.

    Attributes
    ----------
    name : str
        As in "120 HEIC files".
    advice : str
        An imperative, such as "export as JPEG".
    tried : bool
        Whether the decoder should try first: newer versions and plugins of it may succeed.
    """

    name: str
    advice: str
    tried: bool = False

    @property
    def problem(self) -> str:
        """Why a file of the kind is refused, and what to do."""
        return f"{self.name} is not supported: {self.advice}"


class UnsupportedKindError(InputError):
    """A file is of a kind that cannot be read."""

    def __init__(self, kind: FileKind) -> None:
        super().__init__(kind.problem)
        self.kind = kind


def _video(name: str) -> FileKind:
    return FileKind(f"{name} video", "export a frame as PNG")


def _packed(name: str) -> FileKind:
    return FileKind(name, "unpack it")


def _raw(name: str) -> FileKind:
    return FileKind(f"camera raw ({name})", "develop it and export as JPEG")


_AVIF = FileKind("AVIF", "install Pillow 11.3 or newer, or export as PNG", True)
_HEIC = FileKind("HEIC", "export as JPEG", True)
_SVG = FileKind("SVG", "export as PNG", True)
_HTML = FileKind("web page (HTML)", "download the picture itself")
_POSTSCRIPT = FileKind("PostScript", "export as PNG")  # Pillow would run Ghostscript
_METAFILE = FileKind("Windows metafile", "export as PNG")
_ZIP, _GZIP = _packed("zip"), _packed("gzip")
_NUMPY = FileKind("NumPy", "save the array as PNG")
_SCIENCE = "export a picture of it as PNG"

_SIGNATURES: tuple[tuple[int, bytes, FileKind], ...] = (
    (0, b"\xff\x0a", FileKind("JPEG XL", "export as JPEG or PNG", True)),
    (4, b"JXL \r\n\x87\n", FileKind("JPEG XL", "export as JPEG or PNG", True)),
    (0, b"II\xbc\x01", FileKind("JPEG XR", "export as JPEG or PNG")),
    (0, b"8BPS", FileKind("PSD of this kind", "export as PNG", True)),
    (0, b"\x76\x2f\x31\x01", FileKind("EXR", "export as PNG", True)),
    (0, b"#?RADIANCE", FileKind("HDR", "export as PNG", True)),
    (0, b"#?RGBE", FileKind("HDR", "export as PNG", True)),
    (0, b"PF\n", FileKind("PFM in colour", "export as PNG", True)),
    (0, b"%PDF-", FileKind("PDF", "export the page as PNG")),
    (0, b"%!PS", _POSTSCRIPT),
    (0, b"\xc5\xd0\xd3\xc6", _POSTSCRIPT),
    (0, b"\xd7\xcd\xc6\x9a", _METAFILE),
    (0, b"\x01\0\x09\0\0\x03", _METAFILE),
    (40, b" EMF", _METAFILE),
    (0, b"gimp xcf", FileKind("XCF", "export as PNG", True)),
    (0, b"AT&TFORM", FileKind("DjVu", "export as PNG")),
    (0, b"FLIF", FileKind("FLIF", "export as PNG", True)),
    (0, b"BPG\xfb", FileKind("BPG", "export as PNG", True)),
    (128, b"DICM", FileKind("DICOM", "export as PNG")),
    (0, b"\x89HDF\r\n", FileKind("HDF5", _SCIENCE)),
    (0, b"GRIB", FileKind("GRIB", _SCIENCE)),
    (0, b"BUFR", FileKind("BUFR", _SCIENCE)),
    (0, b"\x93NUMPY", _NUMPY),
    (
        0,
        b"version https://git-lfs",
        FileKind("Git LFS pointer", "fetch the picture by git lfs pull"),
    ),
    (0, b"FUJIFILMCCD-RAW", _raw("RAF")),
    (0, b"IIRO", _raw("ORF")),
    (0, b"IIRS", _raw("ORF")),
    (0, b"MMOR", _raw("ORF")),
    (0, b"IIU\0", _raw("RW2")),
    (0, b"FOVb", _raw("X3F")),
    (0, b"\0MRM", _raw("MRW")),
    (6, b"HEAPCCDR", _raw("CRW")),
    (0, b"\0\0\x01\xba", _video("MPEG")),
    (0, b"\0\0\x01\xb3", _video("MPEG")),
    (0, b"FLV\x01", _video("FLV")),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", _video("WMV")),
    (0, b"OggS", _video("Ogg")),
    (8, b"AVI ", _video("AVI")),
    (38, b"image/openraster", FileKind("OpenRaster", "export as PNG")),
    (38, b"application/x-krita", FileKind("Krita", "export as PNG")),
    (0, b"PK\x03\x04", _ZIP),
    (0, b"\x1f\x8b", _GZIP),
    (0, b"\x1f\x9d", _packed("compress (.Z)")),
    (0, b"BZh", _packed("bzip2")),
    (0, b"\xfd7zXZ\0", _packed("xz")),
    (0, b"\x28\xb5\x2f\xfd", _packed("zstd")),
    (0, b"7z\xbc\xaf\x27\x1c", _packed("7z")),
    (0, b"Rar!\x1a\x07", _packed("RAR")),
    (257, b"ustar", _packed("tar")),
)

# Major brands of ISO base media files; others are videos.
_BRANDS = {
    b"avif": _AVIF,
    b"avis": _AVIF,
    **dict.fromkeys(
        (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"), _HEIC
    ),
    **dict.fromkeys((b"mif1", b"mif2", b"msf1"), FileKind("HEIF", "export as JPEG", True)),
    b"crx ": _raw("CR3"),
    b"qt  ": _video("MOV"),
}

_MAKERS = {
    "NIKON": "NEF",
    "SONY": "ARW",
    "PENTAX": "PEF",
    "SAMSUNG": "SRW",
    "CANON": "CR2",
    "HASSELBLAD": "3FR",
    "KODAK": "DCR",
    "EPSON": "ERF",
}


def identify(start: bytes) -> FileKind | None:
    """Return the kind of a file with these first bytes, None if it is to be decoded."""
    if start.startswith(_COMMON):
        return None
    for offset, signature, kind in _SIGNATURES:
        if start.startswith(signature, offset):
            if kind is _GZIP:
                return _gzipped(start)
            return _NUMPY if kind is _ZIP and b".npy" in start[30:300] else kind
    if start[4:8] == b"ftyp":
        return _brand(start)
    if start[:1] == b"\0" and start[4:8] in (b"moov", b"mdat", b"wide"):
        return _video("MOV")
    if start.startswith(b"\x1a\x45\xdf\xa3"):
        return _video("WebM" if b"webm" in start[:64] else "MKV")
    if len(start) > 376 and start[0] == start[188] == start[376] == 0x47:
        return _video("MPEG")
    return _markup(start)


def raw_kind(start: bytes, pages: list[Page]) -> FileKind | None:
    """Return the kind of camera raw of a TIFF with these pages, None if it is another TIFF."""
    if start[8:10] == b"CR":
        return _raw("CR2")
    if any(page.has(_DNG_VERSION) for page in pages):
        return _raw("DNG")
    if any(page.of_sensor for page in with_subpages(pages)):
        maker = pages[0].text(_MAKE).upper().split(" ")[0]
        return _raw(_MAKERS.get(maker, "TIFF"))
    return None


def tiff_kind(pages: list[Page]) -> FileKind | None:
    """Return the kind of a TIFF that could not be decoded, None if it is damaged."""
    name = unsupported_pixels(pages) if pages else None
    return None if name is None else FileKind(name, "export as PNG of 8 bits")


def jpeg_kind(file: BinaryIO) -> FileKind | None:
    """Return the kind of a JPEG that could not be decoded, None if it is damaged, or no JPEG."""
    file.seek(0)
    start = file.read(len(signatures.JPEG))
    name = unusual_process(start + file.read()) if start == signatures.JPEG else None
    return None if name is None else FileKind(name, "export as JPEG of 8 bits, or as PNG")


def describe_kinds(kinds: Counter[FileKind]) -> str:
    """Return text such as ``120 HEIC files: export as JPEG``; of several kinds, with semicolons."""
    return "; ".join(
        f"{count:,} {kind.name} file{'s' * (count > 1)}: {kind.advice}"
        for kind, count in kinds.most_common()
    )


def _brand(start: bytes) -> FileKind:
    size = int.from_bytes(start[:4], "big")
    others = [start[at : at + 4] for at in range(16, min(size, 256), 4)]
    major = start[8:12]
    if major in (b"mif1", b"mif2", b"msf1"):  # of any codec: the others say which
        major = next((brand for brand in others if _BRANDS.get(brand) in (_AVIF, _HEIC)), major)
    return _BRANDS.get(major, _video("MP4"))


def _gzipped(start: bytes) -> FileKind:
    with contextlib.suppress(zlib.error):
        if _markup(zlib.decompressobj(31).decompress(start, START)) is _SVG:
            return _SVG
    return _GZIP


def _markup(start: bytes) -> FileKind | None:
    text = start.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xfe\xff\t\n\r ")
    if not text.startswith(b"<"):
        return None
    if b"<svg" in text or b":svg" in text:
        return _SVG
    lower = text.lower()
    return _HTML if lower.startswith(b"<!doctype html") or b"<html" in lower else None
