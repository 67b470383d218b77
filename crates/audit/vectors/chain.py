"""Writes chain.jsonl anew, with nothing of this crate in it: `python3 chain.py > chain.jsonl`."""

import hashlib
import sys

CHAIN = "000102030405060708090a0b0c0d0e0f"
EVENTS = [
    '{}',
    '{"action":"LOGIN","actor":{"id":"ada"},"outcome":"success"}',
    '{"note":"spaces , quotes \\" and },\\"chain\\":{ inside stay as they are","n":1.50e+3}',
    '{"name":"Grüße 🦀","list":[[],{}, null ,true]}',
]

prev = bytes(32)
for seq, event in enumerate(EVENTS, start=1):
    hash = hashlib.sha256(
        b"buttress-audit-v1\n" + CHAIN.encode() + b"\0" + seq.to_bytes(8, "big") + prev + event.encode()
    ).digest()
    line = (
        f'{{"event":{event},"chain":{{"id":"{CHAIN}","seq":{seq},'
        f'"prev":"{prev.hex()}","alg":"sha256","hash":"{hash.hex()}"}}}}\n'
    )
    sys.stdout.buffer.write(line.encode())
    prev = hash
