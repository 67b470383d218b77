"""Writes checkpoint.note anew, with nothing of this crate in it: `python3 checkpoint.py < chain.jsonl > checkpoint.note`."""

import hashlib
import json
import sys
from base64 import b64encode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

NAME = "example"
SEED = bytes(range(32))


def sha256(data):
    return hashlib.sha256(data).digest()


def root(lines):
    if len(lines) == 1:
        return sha256(b"\0" + lines[0])
    middle = 1 << (len(lines) - 1).bit_length() - 1
    return sha256(b"\1" + root(lines[:middle]) + root(lines[middle:]))


def subtrees(lines):
    roots = []
    while lines:
        size = 1 << len(lines).bit_length() - 1
        roots.append(root(lines[:size]))
        lines = lines[size:]
    return b"".join(roots)


lines = [line.rstrip(b"\n") for line in sys.stdin.buffer][:3]
last = json.loads(lines[-1])["chain"]
text = (
    f"buttress-audit/{last['id']}\n{len(lines)}\n{b64encode(root(lines)).decode()}\n"
    f"head {last['hash']}\nsubtrees {b64encode(subtrees(lines)).decode()}\n"
)
key = Ed25519PrivateKey.from_private_bytes(SEED)
public = key.public_key().public_bytes_raw()
id = sha256(NAME.encode() + b"\n\1" + public)[:4]
signature = b64encode(id + key.sign(text.encode())).decode()
sys.stdout.write(f"{text}\n\u2014 {NAME} {signature}\n")
print(f"{NAME}+{id.hex()}+{b64encode(bytes([1]) + public).decode()}", file=sys.stderr)
