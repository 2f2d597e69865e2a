"""Writes small signed audit logs, right ones and wrong ones, without the verifier's help."""

import base64
import datetime
import hashlib
import json
import struct

import nacl.signing

ORIGIN = "sovmesh.example/audit"
WITNESS = "witness.example/w1"
BEGIN = datetime.datetime(2026, 11, 25, 8, 30)


def sha256(data):
    return hashlib.sha256(data).digest()


def signing_key(letter):
    return nacl.signing.SigningKey(letter.encode() * 32)


def key_bytes(letter, algorithm):
    return bytes([algorithm]) + bytes(signing_key(letter).verify_key)


def key_id(letter, name, algorithm):
    return sha256(name.encode() + b"\n" + key_bytes(letter, algorithm))[:4]


def verifier_key(letter, name=ORIGIN, algorithm=1):
    body = base64.b64encode(key_bytes(letter, algorithm)).decode()
    return f"{name}+{key_id(letter, name, algorithm).hex()}+{body}"


def signature_line(name, data):
    return f"\u2014 {name} {base64.b64encode(data).decode()}\n"


def time_at(second):
    return (BEGIN + datetime.timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S.000000Z")


def encode(members):
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()


def admin(seq, **changes):
    members = {"v": 1, "seq": seq, "t": time_at(seq), "kind": "admin", "tenant": "",
               "actor_type": "system", "actor_ref": "", "auth": "", "action": "config.apply",
               "object_ref": "config", "subject_ref": "", "outcome": "ok", "rid": "", "before": "",
               "after": "", "count": 0, "reason": "", "policy_ver": "", "config_hash": "",
               "ct_hash": ""}
    assert changes.keys() <= members.keys()
    return {**members, **changes}


def request(seq, scheduled):
    """Of one that asked for a seat, or of one that did not."""
    members = {"v": 2 if scheduled else 1, "seq": seq, "t": time_at(seq), "kind": "request",
               "tenant": "01JD9Z3M4N5P6Q7R8S9TAVBWCX", "project": "", "rid": "req_" + "7" * 32,
               "key": "", "actor_ref": "", "op": "chat", "start": time_at(seq), "model": "m",
               "model_digest": "", "engine": "", "host": "", "site": "", "jurisdiction": "",
               "egress": "none", "status": 200, "finish": "stop", "outcome": "ok", "tokens_in": 1,
               "tokens_cached": 0, "tokens_out": 2, "prompt_digest": "", "answer_digest": "",
               "digest_key": "", "rules": "", "ledger_ref": "", "price_ver": "", "cost_micro": 0,
               "currency": "", "policy_ver": "", "config_hash": "", "ct_hash": ""}
    return {**members, "class": "batch", "pool": "gpu"} if scheduled else members


def key_entry(seq, action, previous, new, signer, origin=ORIGIN, signed_seq=None):
    old = verifier_key(previous) if previous else ""
    message = (f"sovmesh audit key v1\n{origin}\n{seq if signed_seq is None else signed_seq}\n"
               f"{old}\n{verifier_key(new)}\n").encode()
    return {"v": 1, "seq": seq, "t": time_at(seq), "kind": "key", "action": action,
            "origin": origin, "previous": old, "next": verifier_key(new),
            "signature": base64.b64encode(signing_key(signer).sign(message).signature).decode()}


def start(seq=0):
    return key_entry(seq, "key.start", "", "a", "a")


def entries_of(size, changed=None):
    """`size` entries; `changed` puts another dictionary, or bytes, at some index."""
    made = [start()] + [admin(seq) for seq in range(1, size)]
    for seq, entry in (changed or {}).items():
        made[seq] = entry
    return [entry if isinstance(entry, bytes) else encode(entry) for entry in made]


def largest_power_below(n):
    return 1 << (n - 1).bit_length() - 1


def mth(leaves):
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return leaves[0]
    k = largest_power_below(len(leaves))
    return sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:]))


def tile_files(entries):
    """The files of a log of at most 65,535 entries."""
    leaves = [sha256(b"\x00" + entry) for entry in entries]
    files = {}

    def put(level, hashes):
        for begin in range(0, len(hashes), 256):
            part = hashes[begin:begin + 256]
            width = "" if len(part) == 256 else f".p/{len(part)}"
            files[f"tile/{level}/{begin // 256:03}{width}"] = b"".join(part)

    put("entries", [struct.pack(">H", len(entry)) + entry for entry in entries])
    put(0, leaves)
    put(1, [mth(leaves[i:i + 256]) for i in range(0, len(leaves) // 256 * 256, 256)])
    return files


def checkpoint(entries, signer="a", origin=ORIGIN, size=None, root=None, witness=None):
    root = root or mth([sha256(b"\x00" + entry) for entry in entries])
    size = len(entries) if size is None else size
    text = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
    signature = signing_key(signer).sign(text.encode()).signature
    note = text + "\n" + signature_line(origin, key_id(signer, origin, 1) + signature)
    if witness:
        stamp = 1795600000
        message = f"cosignature/v1\ntime {stamp}\n{text}".encode()
        note += signature_line(WITNESS, key_id(witness, WITNESS, 4) + struct.pack(">Q", stamp) +
                               signing_key(witness).sign(message).signature)
    return note.encode()


class Files:
    """A log in memory, in the place of verify_audit.Folder."""

    def __init__(self, files):
        self.files = files

    def read(self, path):
        return self.files.get(path)

    def tiles(self):
        return sorted(path for path in self.files if path.startswith("tile/"))


def log_of(entries, **how):
    return Files({"checkpoint": checkpoint(entries, **how), **tile_files(entries)})
