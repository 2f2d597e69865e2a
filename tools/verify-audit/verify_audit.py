#!/usr/bin/env python3
"""Verifies a copied audit log of Sovereign Mesh, offline and from first principles.

Needs Python 3.9 and PyNaCl (Ed25519). Shares no code with the program that wrote the log; the
format is in docs/audit.md. README.md beside this file says step by step what it proves and what it
cannot.

Exit status: 0 the log is good, 1 it is not (the first problem is printed), 2 the command line, the
key list or a checkpoint file cannot be used.
"""
import argparse
import base64
import binascii
import datetime
import hashlib
import json
import pathlib
import re
import sys

import nacl.exceptions
import nacl.signing

TILE = 256
HASH = 32
ENTRY_MAX = 65535
SIZE_MAX = 2**48 - 1
LEVELS = 6
ED25519, COSIGNATURE = 1, 4
YEAR_9999_END = 253402300799


class Problem(Exception):
    """The log is bad: where, at which entry (None: the whole), and why."""

    def __init__(self, where, index, what):
        super().__init__(what)
        self.where, self.index, self.what = where, index, what

    def text(self):
        at = "" if self.index is None else f", entry {self.index}"
        return f"{self.where}{at}: {self.what}"


class Unusable(Exception):
    """What the auditor gave us cannot be used."""


def sha256(data):
    return hashlib.sha256(data).digest()


def unbase64(text):
    """Standard alphabet, padded, and the one spelling of its bytes."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, binascii.Error) as error:
        raise ValueError("not base64") from error
    if base64.b64encode(data).decode() != text:
        raise ValueError("not the one spelling in base64")
    return data


def number(text, largest=SIZE_MAX):
    if not re.fullmatch(r"0|[1-9][0-9]{0,15}", text) or int(text) > largest:
        raise ValueError(f"not a number: {text[:40]!r}")
    return int(text)


# --- signed notes and keys -----------------------------------------------------------------------

class Key:
    """A verifier key, NAME+KEYID+BASE64."""

    def __init__(self, text):
        parts = text.split("+", 2)
        if len(parts) != 3:
            raise ValueError("a verifier key is NAME+KEYID+BASE64")
        self.text, self.name = text, parts[0]
        check_name(self.name)
        data = unbase64(parts[2])
        if len(data) != 33 or data[0] not in (ED25519, COSIGNATURE):
            raise ValueError("a verifier key of an unknown kind")
        self.algorithm, self.public = data[0], data[1:]
        self.id = sha256(self.name.encode() + b"\n" + data)[:4]
        if self.id.hex() != parts[1]:
            raise ValueError("the key id does not fit the verifier key")

    def verifies(self, message, signature):
        try:
            nacl.signing.VerifyKey(self.public).verify(message, signature)
            return True
        except (nacl.exceptions.CryptoError, ValueError, TypeError):
            return False

    def __eq__(self, other):
        return self.text == other.text

    def __hash__(self):
        return hash(self.text)


def check_name(name):
    if not name or len(name.encode()) > 255 or "+" in name:
        raise ValueError("not a key's name")
    if any(c.isspace() or ord(c) <= 0x20 or ord(c) == 0x7F for c in name):
        raise ValueError("a space in a key's name")


class Checkpoint:
    """A signed note whose text is origin, size, root and perhaps further lines."""

    def __init__(self, data):
        if len(data) > 65536:
            raise ValueError("the note is too long")
        note = data.decode("utf-8")
        if re.search(r"[\x00-\x09\x0b-\x1f]", note):
            raise ValueError("a control character in the note")
        cut = note.rfind("\n\n")
        if cut < 0 or not note.endswith("\n"):
            raise ValueError("the note has no signatures")
        self.text = note[:cut + 1]
        self.signatures = [self.signature(line) for line in note[cut + 2:].split("\n")[:-1]]
        if not 1 <= len(self.signatures) <= 100:
            raise ValueError("the note has no signatures or too many")
        lines = self.text.split("\n")[:-1]
        if len(lines) < 3 or "" in lines:
            raise ValueError("not a checkpoint: fewer than three lines, or an empty one")
        self.origin, self.size, self.root = lines[0], number(lines[1]), unbase64(lines[2])
        if len(self.root) != HASH:
            raise ValueError("the root is not a SHA-256")

    @staticmethod
    def signature(line):
        match = re.fullmatch("\u2014 ([^ ]+) ([^ ]+)", line)
        if not match:
            raise ValueError("not a signature line")
        check_name(match[1])
        data = unbase64(match[2])
        if len(data) < 5:
            raise ValueError("a signature line without a signature")
        return match[1], data[:4], data[4:]

    def of(self, key):
        return [s for name, key_id, s in self.signatures if name == key.name and key_id == key.id]

    def signed_by(self, key):
        """At least one signature of this key, and no false one."""
        mine = self.of(key)
        return bool(mine) and all(key.verifies(self.text.encode(), s) for s in mine)

    def cosigned_by(self, key):
        """The times at which this witness signed; none when one signature is false."""
        times = []
        for signature in self.of(key):
            seconds = int.from_bytes(signature[:8], "big")
            message = f"cosignature/v1\ntime {seconds}\n{self.text}".encode()
            if len(signature) != 72 or not key.verifies(message, signature[8:]):
                return []
            times.append(seconds)
        return times if times and 0 < times[0] <= YEAR_9999_END else []


class Keys:
    """Which key signs which sizes: {key: [from, until or None]}."""

    def __init__(self, text):
        self.ranges = {}
        for line_number, line in enumerate(text.split("\n"), 1):
            line = line.strip(" \t")
            if not line or line.startswith("#"):
                continue
            try:
                self.add_line(line)
            except ValueError as error:
                raise Unusable(f"key list, line {line_number}: {error}") from error
        if not self.ranges:
            raise Unusable("the key list is empty")

    def add_line(self, line):
        parts = line.split(" ")
        if len(parts) != 3:
            raise ValueError("want VERIFIER-KEY FROM UNTIL")
        key = Key(parts[0])
        begin = number(parts[1])
        end = None if parts[2] == "-" else number(parts[2])
        if key.algorithm != ED25519 or key in self.ranges or (end is not None and end < begin):
            raise ValueError("not a log's key, or there twice, or until before from")
        self.ranges[key] = [begin, end]

    def may_sign(self, key, size):
        begin, end = self.ranges.get(key, (SIZE_MAX + 1, None))
        return begin <= size and (end is None or size <= end)

    def signer(self, checkpoint):
        for key in self.ranges:
            if self.may_sign(key, checkpoint.size) and checkpoint.signed_by(key):
                return key
        return None

    def rotate(self, old, new, index):
        if not self.may_sign(old, index) or self.ranges[old][1] not in (None, index):
            raise ValueError("the previous key was not in use at this entry")
        if new in self.ranges and self.ranges[new][0] != index + 1:
            raise ValueError("the key list has another beginning for the new key")
        self.ranges[old][1] = index
        self.ranges.setdefault(new, [index + 1, None])


# --- entries -------------------------------------------------------------------------------------

def text_rule(longest, needed=False):
    return lambda v: is_text(v, longest, needed)


def is_text(value, longest, needed):
    return isinstance(value, str) and len(value.encode()) <= longest and (value != "" or not needed)


def pattern_rule(pattern, needed=False):
    match = re.compile(pattern).fullmatch
    return lambda v: isinstance(v, str) and (match(v) is not None if v else not needed)


def word_rule(longest, needed=False):
    return pattern_rule(r"[A-Za-z0-9._:/@+,-]{1,%d}" % longest, needed)


def is_number(value):
    return type(value) is int and 0 <= value < 2**53


def is_time(value):
    match = isinstance(value, str) and re.fullmatch(
        r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})\.[0-9]{6}Z", value)
    if not match or match[1] < "1970":
        return False
    try:
        datetime.datetime(*(int(part) for part in match.groups()))
        return True
    except ValueError:
        return False


HEX = pattern_rule("[0-9a-f]{64}")
ULID = "[0-7][0-9A-HJKMNP-TV-Z]{25}"
RID = "req_[0-9a-f]{32}"

HEAD = [("v", lambda v: type(v) is int and v in (1, 2)), ("seq", is_number), ("t", is_time),
        ("kind", lambda v: v in BODY)]
BODY = {
    "request": [
        ("tenant", pattern_rule(ULID, True)), ("project", pattern_rule(ULID)),
        ("rid", pattern_rule(RID, True)), ("key", word_rule(64)), ("actor_ref", HEX),
        ("op", word_rule(64)), ("start", is_time), ("model", text_rule(256)), ("model_digest", HEX),
        ("engine", text_rule(128)), ("host", text_rule(255)), ("site", text_rule(64)),
        ("jurisdiction", text_rule(64)), ("egress", text_rule(1560, True)), ("status", is_number),
        ("finish", word_rule(64)), ("outcome", word_rule(64, True)), ("tokens_in", is_number),
        ("tokens_cached", is_number), ("tokens_out", is_number), ("prompt_digest", HEX),
        ("answer_digest", HEX), ("digest_key", word_rule(64)), ("rules", text_rule(1024)),
        ("ledger_ref", word_rule(128)), ("price_ver", word_rule(64)), ("cost_micro", is_number),
        ("currency", word_rule(16)), ("policy_ver", word_rule(64)), ("config_hash", HEX),
        ("ct_hash", HEX)],
    "admin": [
        ("tenant", pattern_rule(ULID)), ("actor_type", word_rule(32)), ("actor_ref", HEX),
        ("auth", word_rule(64)), ("action", word_rule(64, True)), ("object_ref", text_rule(512)),
        ("subject_ref", HEX), ("outcome", word_rule(64, True)), ("rid", pattern_rule(RID)),
        ("before", HEX), ("after", HEX), ("count", is_number), ("reason", text_rule(1024)),
        ("policy_ver", word_rule(64)), ("config_hash", HEX), ("ct_hash", HEX)],
    "key": [
        ("action", lambda v: v in ("key.start", "key.rotate")), ("origin", text_rule(255, True)),
        ("previous", text_rule(512)), ("next", text_rule(512, True)),
        ("signature", text_rule(128, True))],
}

# Behind the others in a request of version 2: one that asked for a seat. Nothing else has that.
SCHEDULED = [("class", word_rule(16, True)), ("pool", word_rule(64))]
# The last member, absent where it says nothing.
EXTRA = {"request": [("mirror", text_rule(400, True))]}

ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def canonical_string(value):
    return '"' + re.sub(r'["\\\x00-\x1f]',
                        lambda m: ESCAPES.get(m[0], "\\u%04x" % ord(m[0])), value) + '"'


def canonical(members):
    parts = (canonical_string(name) + ":" +
             (str(value) if type(value) is int else canonical_string(value))
             for name, value in members)
    return ("{" + ",".join(parts) + "}").encode()


def parse_entry(data):
    """The members of an entry, or ValueError naming what is wrong."""
    try:
        members = json.loads(data.decode("utf-8"), object_pairs_hook=lambda pairs: pairs)
    except (ValueError, RecursionError) as error:
        raise ValueError("not JSON") from error
    if not isinstance(members, list) or not all(type(m) is tuple and len(m) == 2 for m in members):
        raise ValueError("not a JSON object")
    kind = dict(members).get("kind")
    kind = kind if isinstance(kind, str) else ""
    rules = HEAD + BODY.get(kind, [])
    if dict(members).get("v") == 2:
        if kind != "request":
            raise ValueError("member v")
        rules = rules + SCHEDULED
    if len(members) > len(rules):
        rules = rules + EXTRA.get(kind, [])
    for (name, rule), member in zip(rules, members):
        if member[0] != name or not rule(member[1]):
            raise ValueError(f"member {name}")
    if len(members) != len(rules):
        raise ValueError("members are missing or too many")
    if canonical(members) != data:
        raise ValueError("not the one spelling of its values")
    return dict(members)


def rotation_message(origin, index, previous, new):
    return f"sovmesh audit key v1\n{origin}\n{index}\n{previous}\n{new}\n".encode()


# --- tree ----------------------------------------------------------------------------------------

def leaf_hash(entry):
    return sha256(b"\x00" + entry)


def parents(hashes):
    """One level up: pairs are joined, an odd last one stays as it is."""
    joined = [sha256(b"\x01" + hashes[i] + hashes[i + 1]) for i in range(0, len(hashes) - 1, 2)]
    return joined + hashes[len(hashes) & ~1:]


def root_of(hashes):
    if not hashes:
        return sha256(b"")
    while len(hashes) > 1:
        hashes = parents(hashes)
    return hashes[0]


def path_of(level, index, width):
    """tile/LEVEL/x001/x234/067, with .p/WIDTH when it is not full; level None: entries."""
    digits = str(index)
    digits = digits.zfill((len(digits) + 2) // 3 * 3)
    groups = [digits[i:i + 3] for i in range(0, len(digits), 3)]
    path = "/".join(["tile", "entries" if level is None else str(level)] +
                    ["x" + group for group in groups[:-1]] + groups[-1:])
    return path if width == TILE else f"{path}.p/{width}"


def split_bundle(data, count):
    entries, at = [], 0
    for _ in range(count):
        length = int.from_bytes(data[at:at + 2], "big")
        entry = data[at + 2:at + 2 + length]
        if at + 2 > len(data) or len(entry) != length:
            raise ValueError("the bundle is cut short")
        entries.append(entry)
        at += 2 + length
    return entries, data[at:]


class Folder:
    """The files of a log by path. Tests put other classes here."""

    def __init__(self, root):
        self.root = pathlib.Path(root)

    def read(self, path):
        """The bytes, or None when there is no such file."""
        try:
            return (self.root / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def tiles(self):
        return sorted(str(p.relative_to(self.root)) for p in (self.root / "tile").rglob("*")
                      if p.is_file())


class Log:
    """A log read and checked from its first entry to its last."""

    def __init__(self, folder, origin, size, keys):
        self.folder, self.origin, self.size, self.keys = folder, origin, size, keys
        self.leaves, self.last_time = [], ""
        self.counts = {kind: 0 for kind in BODY}
        self.used = set()

    def read_tile(self, level, index, width):
        """(path, bytes): exactly `width` hashes or entries."""
        path = path_of(level, index, width)
        data = self.folder.read(path)
        cut = data is None and width < TILE
        if cut:  # the log has grown, and the full tile took the partial one's place
            data = self.folder.read(path_of(level, index, TILE))
        first = (index * TILE) << (8 * (level or 0))
        if data is None:
            raise Problem(path, first, "the file is not there")
        self.used.add(path_of(level, index, TILE) if cut else path)
        if level is None:
            return path, self.entries_of(path, data, width, first, cut)
        if len(data) != (TILE if cut else width) * HASH:
            raise Problem(path, first, f"not {width} hashes")
        return path, data[:width * HASH]

    @staticmethod
    def entries_of(path, data, width, first, cut):
        try:
            entries, rest = split_bundle(data, width)
        except ValueError as error:
            raise Problem(path, first, str(error)) from error
        if rest and not cut:
            raise Problem(path, first, "bytes after the last entry")
        return entries

    def read(self):
        for begin in range(0, self.size, TILE):
            width = min(TILE, self.size - begin)
            _, tile = self.read_tile(0, begin // TILE, width)
            path, entries = self.read_tile(None, begin // TILE, width)
            for i, entry in enumerate(entries):
                self.take(path, begin + i, entry, tile[i * HASH:(i + 1) * HASH])
        self.compare_tiles()

    def take(self, path, index, entry, wanted):
        leaf = leaf_hash(entry)
        if leaf != wanted:
            raise Problem(path, index,
                          "the entry and its hash in the level-0 tile do not fit each other")
        try:
            self.check(index, parse_entry(entry))
        except ValueError as error:
            raise Problem(path, index, str(error)) from error
        self.leaves.append(leaf)

    def check(self, index, entry):
        if entry["seq"] != index:
            raise ValueError(f"the entry says that it is number {entry['seq']}")
        # The text has one length and largest units first, so it sorts as the time does.
        stepped = entry["kind"] == "admin" and entry["action"] == "clock.step"
        if entry["t"] < self.last_time and not stepped:
            raise ValueError("the time goes back, and the entry is no clock.step")
        self.last_time = entry["t"]
        self.counts[entry["kind"]] += 1
        if entry["kind"] == "key":
            self.take_key(index, entry)
        elif index == 0:
            raise ValueError("a log begins with a key.start entry")

    def take_key(self, index, entry):
        if entry["origin"] != self.origin:
            raise ValueError(f"a key entry of another log: {entry['origin']}")
        starts = entry["action"] == "key.start"
        if starts != (index == 0) or starts != (entry["previous"] == ""):
            raise ValueError("a log starts once, with its first entry")
        new = Key(entry["next"])
        signer = new if starts else Key(entry["previous"])
        if new.algorithm != ED25519:
            raise ValueError("the new key cannot sign for a log")
        message = rotation_message(self.origin, index, entry["previous"], entry["next"])
        if not signer.verifies(message, unbase64(entry["signature"])):
            raise ValueError("the key entry is not signed by the key that it names")
        if not starts:
            self.keys.rotate(signer, new, index)
        elif not self.keys.may_sign(new, 1):
            raise ValueError("the log starts with a key that is not in the key list")

    def hashes_at(self, level):
        """What the tiles of a level hold: roots of complete subtrees of 256^level leaves."""
        hashes = self.leaves
        for _ in range(8 * level):
            hashes = parents(hashes[:len(hashes) & ~1])
        return hashes

    def compare_tiles(self):
        hashes = self.leaves
        for level in range(1, LEVELS):
            for _ in range(8):
                hashes = parents(hashes[:len(hashes) & ~1])
            for begin in range(0, len(hashes), TILE):
                part = hashes[begin:begin + TILE]
                path, tile = self.read_tile(level, begin // TILE, len(part))
                self.compare(path, level, begin, part, tile)

    @staticmethod
    def compare(path, level, begin, wanted, tile):
        for i, value in enumerate(wanted):
            if tile[i * HASH:(i + 1) * HASH] != value:
                raise Problem(path, (begin + i) << (8 * level),
                              f"hash {i} is not that of the entries below it")

    def leftovers(self):
        """Partial files of smaller trees must still agree. Returns what was not looked at: files of
        later entries, and names that are none of the format's (what a crash may leave)."""
        beyond, unknown = [], []
        for path in self.folder.tiles():
            if path in self.used:
                continue
            match = re.fullmatch(r"tile/(entries|[0-5])/((?:x[0-9]{3}/)*[0-9]{3})"
                                 r"(?:\.p/([1-9][0-9]{0,2}))?", path)
            index = match and int(match[2].replace("x", "").replace("/", ""))
            width = match and int(match[3] or TILE)
            level = match and (None if match[1] == "entries" else int(match[1]))
            if not match or path_of(level, index, width) != path:
                unknown.append(path)
            elif (index * TILE + width) << (8 * (level or 0)) > self.size:
                beyond.append(path)
            else:
                self.check_leftover(path, level, index, width)
        return beyond, unknown

    def check_leftover(self, path, level, index, width):
        data = self.folder.read(path)
        begin = index * TILE
        if level is not None:
            wanted = self.hashes_at(level)[begin:begin + width]
            good = data == b"".join(wanted)
        else:
            wanted = self.leaves[begin:begin + width]
            entries = self.entries_of(path, data, width, begin, False)
            good = [leaf_hash(entry) for entry in entries] == wanted
        if not good:
            raise Problem(path, begin << (8 * (level or 0)),
                          "an old partial file does not fit the log")


# --- the whole -----------------------------------------------------------------------------------

def parse_checkpoint(name, data):
    try:
        return Checkpoint(data)
    except ValueError as error:
        raise Problem(name, None, str(error)) from error


def check_older(log, name, older):
    if not log.keys.signer(older):
        raise Problem(name, None, "it is not signed by the key that may sign at its size")
    if root_of(log.leaves[:older.size]) != older.root:
        raise Problem(name, None, f"the log is a fork: its first {older.size} entries are not "
                                  "those that were signed before")


def check_signed(log, root, checkpoint, witnesses, quorum):
    """The checkpoint is of this log, and the right ones signed it; returns the witnesses."""
    if checkpoint.root != root or checkpoint.size != len(log.leaves):
        raise Problem("checkpoint", None, "its root is not that of the entries")
    if not log.keys.signer(checkpoint):
        raise Problem("checkpoint", None, "it is not signed by the key that may sign at its size")
    return check_witnesses(checkpoint, witnesses, quorum)


def check_witnesses(checkpoint, witnesses, quorum):
    """{verifier key: when it signed}"""
    seen = {}
    for key in sorted(set(witnesses), key=lambda k: k.text):
        times = checkpoint.cosigned_by(key) if key.algorithm == COSIGNATURE else []
        if times:
            seen[key.text] = times[0]
    if len(seen) < quorum:
        raise Problem("checkpoint", None, f"{len(seen)} witnesses cosigned, wanted {quorum}")
    return seen


def verify(folder, keys, origin=None, older=(), witnesses=(), quorum=0, checkpoint=None):
    """A report as a dictionary; `problem` is None when the log is good.

    older: pairs of a name for messages and the bytes of a checkpoint kept elsewhere.
    """
    report = {"good": False, "problem": None, "origin": None, "size": None, "root": None,
              "entries": None, "keys": None, "witnesses": None, "older_sizes": [], "beyond": [],
              "unknown": []}
    try:
        data = folder.read("checkpoint") if checkpoint is None else checkpoint
        if data is None:
            raise Problem("checkpoint", None, "the file is not there")
        signed = parse_checkpoint("checkpoint", data)
        report.update(origin=signed.origin, size=signed.size, root=signed.root.hex())
        if origin is not None and signed.origin != origin:
            raise Problem("checkpoint", None, f"it is of another log: {signed.origin}")
        olders = [(name, parse_checkpoint(name, older_data)) for name, older_data in older]
        for name, old in olders:
            if old.origin != signed.origin:
                raise Problem(name, None, f"it is of another log: {old.origin}")
            if old.size > signed.size:
                raise Problem(name, None, f"the log was larger before: {old.size} entries")
        log = Log(folder, signed.origin, signed.size, keys)
        try:
            log.read()
        finally:
            report["entries"] = log.counts
        report["witnesses"] = check_signed(log, root_of(log.leaves), signed, witnesses, quorum)
        for name, old in olders:
            check_older(log, name, old)
            report["older_sizes"].append(old.size)
        report["beyond"], report["unknown"] = log.leftovers()
        report["good"] = True
    except Problem as problem:
        report["problem"] = {"where": problem.where, "index": problem.index, "what": problem.what,
                             "text": problem.text()}
    report["keys"] = [[key.text, *span] for key, span in keys.ranges.items()]
    return report


def root_by_proof(index, size, leaf, proof):
    """The root that an inclusion proof leads to (RFC 9162 section 2.1.3.2), or ValueError."""
    at, last, value = index, size - 1, leaf
    for step in proof:
        if last == 0:
            raise ValueError("the proof is too long")
        if at % 2 == 1 or at == last:
            value = sha256(b"\x01" + step + value)
            while at % 2 == 0 and at != 0:
                at, last = at >> 1, last >> 1
        else:
            value = sha256(b"\x01" + value + step)
        at, last = at >> 1, last >> 1
    if last != 0:
        raise ValueError("the proof is too short")
    return value


def parse_proof(data):
    """(index, hashes, checkpoint bytes) of a C2SP tlog-proof."""
    head, gap, checkpoint = data.partition(b"\n\n")
    lines = head.decode("utf-8").split("\n")
    if not gap or len(lines) < 2 or lines[0] != "c2sp.org/tlog-proof@v1" \
            or not lines[1].startswith("index "):
        raise ValueError("not a tlog-proof")
    hashes = [unbase64(line) for line in lines[2:]]
    if any(len(value) != HASH for value in hashes):
        raise ValueError("not the hashes of a proof")
    return number(lines[1][len("index "):]), hashes, checkpoint


def verify_pair(entry, proof, keys, origin=None, witnesses=(), quorum=0):
    """One exported entry and its proof; returns (index, checkpoint), or raises ValueError."""
    index, hashes, note = parse_proof(proof)
    checkpoint = Checkpoint(note)
    if origin is not None and checkpoint.origin != origin:
        raise ValueError(f"it is of another log: {checkpoint.origin}")
    if not keys.signer(checkpoint):
        raise ValueError("the checkpoint is not signed by the key that may sign at its size")
    if parse_entry(entry)["seq"] != index or index >= checkpoint.size:
        raise ValueError("the entry has another number")
    if root_by_proof(index, checkpoint.size, leaf_hash(entry), hashes) != checkpoint.root:
        raise ValueError("the entry is not in the log that was signed")
    try:
        check_witnesses(checkpoint, witnesses, quorum)
    except Problem as problem:
        raise ValueError(problem.what) from problem
    return index, checkpoint


def verify_export(folder, keys, **rules):
    """Every pair NUMBER.entry, NUMBER.proof in a folder; a report like that of verify()."""
    report = {"good": False, "problem": None, "proven": 0, "origin": None, "sizes": []}
    sizes = set()
    where = ""
    try:
        for path in sorted(pathlib.Path(folder).rglob("*.entry"), key=lambda p: (len(p.name), p)):
            where = path.name
            proof = path.with_suffix(".proof").read_bytes()
            index, checkpoint = verify_pair(path.read_bytes(), proof, keys, **rules)
            if path.stem != str(index):
                raise ValueError(f"it is entry {index}")
            report["proven"] += 1
            report["origin"] = checkpoint.origin
            sizes.add(checkpoint.size)
        where = str(folder)
        if not sizes:
            raise ValueError("no file NUMBER.entry in the folder")
        report["good"] = True
    except (ValueError, OSError) as error:
        report["problem"] = {"where": where, "index": None, "what": str(error),
                             "text": f"{where}: {error}"}
    report["sizes"] = sorted(sizes)
    return report


def read_file(path):
    try:
        return pathlib.Path(path).read_bytes()
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror}") from error


def parse_keys(path):
    try:
        return Keys(read_file(path).decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Unusable(f"{path}: not UTF-8") from error


def parse_witness(text):
    try:
        key = Key(text)
    except ValueError as error:
        raise Unusable(f"--witness {text}: {error}") from error
    if key.algorithm != COSIGNATURE:
        raise Unusable(f"--witness {text}: not a key that cosigns")
    return key


def show(report, out):
    if not report["good"]:
        print(f"BAD   {report['problem']['text']}", file=out)
        return
    if "proven" in report:
        sizes = ", ".join(map(str, report["sizes"]))
        print(f"GOOD  {report['origin']}: {report['proven']} entries are in the log that was "
              f"signed at {sizes} entries", file=out)
        return
    counts = report["entries"]
    print(f"GOOD  {report['origin']}: {report['size']} entries, root {report['root']}", file=out)
    print(f"      {counts['request']} requests, {counts['admin']} administrative, "
          f"{max(counts['key'] - 1, 0)} key rotations", file=out)
    for key, begin, end in report["keys"]:
        print(f"      sizes {begin} to {'now' if end is None else end} signed by {key}", file=out)
    for name, seconds in report["witnesses"].items():
        when = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
        print(f"      witnessed by {name} at {when.isoformat()}", file=out)
    for size in report["older_sizes"]:
        print(f"      begins with the {size} entries that were signed before", file=out)
    if report["beyond"]:
        print(f"      {len(report['beyond'])} files belong to later entries and were not looked at",
              file=out)
    for path in report["unknown"]:
        print(f"      not a file of the log: {path}", file=out)


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description="Verifies a copied audit log, offline.",
        epilog="Exit status: 0 good, 1 bad, 2 unusable input. See README.md.")
    parser.add_argument("log", help="folder with the file `checkpoint` and the folder `tile`; with "
                                    "--export: with pairs NUMBER.entry, NUMBER.proof")
    parser.add_argument("--export", action="store_true",
                        help="the folder has single entries with their proofs, not a whole log")
    parser.add_argument("--keys", required=True, metavar="FILE",
                        help="the log's keys as you know them: lines VERIFIER-KEY FROM UNTIL")
    parser.add_argument("--origin", help="the log's name, if another one must be refused")
    parser.add_argument("--older-checkpoint", action="append", default=[], metavar="FILE",
                        help="a checkpoint that you kept; may be given more than once")
    parser.add_argument("--witness", action="append", default=[], metavar="KEY",
                        help="verifier key of a witness; may be given more than once")
    parser.add_argument("--quorum", type=int, metavar="N",
                        help="witnesses that must have cosigned (default: all that are given)")
    parser.add_argument("--json", action="store_true", help="the report as JSON")
    given = parser.parse_args(arguments)
    try:
        witnesses = [parse_witness(text) for text in given.witness]
        quorum = len(set(witnesses)) if given.quorum is None else given.quorum
        older = [(path, read_file(path)) for path in given.older_checkpoint]
        keys = parse_keys(given.keys)
        if given.export:
            report = verify_export(given.log, keys, origin=given.origin, witnesses=witnesses,
                                   quorum=quorum)
        else:
            checkpoint = read_file(pathlib.Path(given.log) / "checkpoint")
            report = verify(Folder(given.log), keys, given.origin, older, witnesses, quorum,
                            checkpoint)
    except Unusable as error:
        print(f"verify_audit: {error}", file=sys.stderr)
        return 2
    if given.json:
        print(json.dumps(report, indent=2))
    else:
        show(report, sys.stdout)
    return 0 if report["good"] else 1


if __name__ == "__main__":
    sys.exit(main())
