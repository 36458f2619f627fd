"""Identifiers that lead nowhere without the archive's key."""

from __future__ import annotations

import hashlib
import hmac

DIGITS = 16
"""Length of a pseudonym: 64 bits, so two of a million patients meet with a chance of 3 in 10⁸."""


def pseudonym(key: bytes, identifier: str) -> str:
    """Replace an identifier by one that cannot be traced back without the key.

    Args:
        key: the archive's secret, not empty.
        identifier: any text; spaces around it do not count.

    Returns:
        The first 16 hexadecimal digits of HMAC-SHA256 (RFC 2104) over the identifier in UTF-8.

    Raises:
        ValueError: ``key`` is empty.

    Example:
        >>> pseudonym(b"secret", "12345") == pseudonym(b"secret", " 12345 ")
        True
        >>> pseudonym(b"another", "12345") == pseudonym(b"secret", "12345")
        False
    """
    if not key:
        raise ValueError("a pseudonym needs a key; got an empty one")
    message = identifier.strip().encode("utf-8", "surrogatepass")
    return hmac.new(key, message, hashlib.sha256).hexdigest()[:DIGITS]
