"""Certificates and private keys as PEM texts: whose they are, how long they hold, whether they belong together."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key


@dataclass(frozen=True)
class Leaf:
    """The first certificate of a chain; times in seconds since 1970, the serial in hexadecimal as openssl prints it."""

    names: tuple[str, ...]
    serial: str
    starts: float
    ends: float

    def covers(self, name: str) -> bool:
        """Return whether it is made out to the name; a wildcard stands for one label."""
        return name in self.names or f"*.{name.partition('.')[2]}" in self.names


def leaf(text: bytes) -> Leaf | None:
    """Given a chain, return its first certificate; nothing where there is none that can be read."""
    try:
        found = x509.load_pem_x509_certificate(text)
        names = tuple(found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName))
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, UnsupportedAlgorithm):
        return None
    ends = found.not_valid_after_utc.timestamp()
    return Leaf(names, serial(found.serial_number), found.not_valid_before_utc.timestamp(), ends)


def serial(number: int) -> str:
    """Return the serial as openssl prints it: whole bytes in capitals."""
    text = f"{number:X}"
    return text if len(text) % 2 == 0 else f"0{text}"


def belong_together(key: bytes, chain: bytes) -> bool:
    """Return whether the private key is the one of the chain's first certificate; a key that cannot be read is none."""
    try:
        private = load_pem_private_key(key, password=None).public_key()
        public = x509.load_pem_x509_certificate(chain).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
    one, other = (each.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for each in (private, public))
    return one == other
