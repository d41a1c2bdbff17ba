"""Certificates and private keys as PEM texts: whose they are, how long they hold, whether they belong together."""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from opsbook.systems.tls import Certificate

END = "-----END CERTIFICATE-----"


def leaf(chain: bytes) -> Certificate | None:
    """Given a chain, return its first certificate; nothing where there is none that can be read."""
    try:
        found = x509.load_pem_x509_certificate(chain)
        named = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, UnsupportedAlgorithm):
        return None
    starts, ends = found.not_valid_before_utc.timestamp(), found.not_valid_after_utc.timestamp()
    return Certificate(starts, ends, _serial(found.serial_number), found.issuer.rfc4514_string(), tuple(named))


def leaves(text: str) -> tuple[Certificate, ...]:
    """Given chains one after the other, return the certificates in them that are for names, and so none of an authority."""
    blocks = (f"{block}{END}\n".encode() for block in text.split(END)[:-1])
    return tuple(found for block in blocks if (found := leaf(block)) is not None and found.names)


def belong_together(key: bytes, chain: bytes) -> bool:
    """Return whether the private key is the one of the chain's first certificate; a key that cannot be read is none."""
    try:
        private = load_pem_private_key(key, password=None).public_key()
        public = x509.load_pem_x509_certificate(chain).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
    one, other = (each.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for each in (private, public))
    return one == other


def _serial(number: int) -> str:
    """Return the serial as openssl prints it: whole bytes in capitals."""
    text = f"{number:X}"
    return text if len(text) % 2 == 0 else f"0{text}"
