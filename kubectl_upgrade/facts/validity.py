"""When a certificate begins and ends, from its DER form (RFC 5280, 4.1)."""

from __future__ import annotations

from datetime import UTC, datetime

_CONSTRUCTED_0, _UTC_TIME = 0xA0, 0x17
# a length that does not fit into seven bits says first in how many bytes it is written
_LONG = 0x80
_FORMATS = {_UTC_TIME: "%y%m%d%H%M%SZ", 0x18: "%Y%m%d%H%M%SZ"}
# of a two-digit year: 50 and above is of the twentieth century, where Python takes 69 and above
_CENTURY, _PIVOT = 100, 2050


def validity(der: bytes) -> tuple[int, int]:
    """Seconds since 1970; ValueError for what is no certificate."""
    to_be_signed = _elements(_elements(der)[0][1])[0][1]
    fields = _elements(to_be_signed)
    # version, which may be left out; serial number, signature algorithm, issuer; then the validity
    place = 4 if fields[0][0] == _CONSTRUCTED_0 else 3
    begins, ends = _elements(fields[place][1])
    return _time(*begins), _time(*ends)


def _elements(der: bytes) -> list[tuple[int, bytes]]:
    """Tag and content of each."""
    found = []
    at = 0
    while at < len(der):
        tag, length, at = der[at], der[at + 1], at + 2
        if length >= _LONG:
            size = length - _LONG
            length, at = int.from_bytes(der[at : at + size]), at + size
        if at + length > len(der):
            raise ValueError("a certificate is cut off")
        found.append((tag, der[at : at + length]))
        at += length
    return found


def _time(tag: int, content: bytes) -> int:
    if tag not in _FORMATS:
        raise ValueError(f"a time in a certificate has tag {tag:#x}")
    found = datetime.strptime(content.decode("ascii"), _FORMATS[tag]).replace(tzinfo=UTC)
    if tag == _UTC_TIME and found.year >= _PIVOT:
        found = found.replace(year=found.year - _CENTURY)
    return int(found.timestamp())
