"""Odd YAML from a seed: nodes of any kind, and damaged files."""

from __future__ import annotations

import random

PLAIN = "no yes on off ~ null true 0600 0o14 0x1F 1e999 -.inf .nan 1_000 2024-13-45 2024-01-01 << . EST localtime"
QUOTED = [
    *(
        "",
        r"\0",
        r"\u0085",
        r"\U0001F600",
        r"\e[31m",
        "{{ ds }}",
        "../../etc/passwd",
        "a/jobs/../x.yaml",
        "1:30",
        "=",
        "-",
    ),
    *("jobs/acme/orders.yaml", "jobs/acme/gone.yaml", "jobs/acme", "jobs/x.yml", f"jobs/acme/{'y' * 300}.yaml", "acme"),
    *(
        "R R * * *",
        "0 0 30 2 *",
        "*/7 * * * *",
        "@daily",
        "*",
        "Europe",
        "Europe/Berlin",
        "UTC",
        "x" * 5000,
        "ä\x85ö\u2028",
    ),
]
LONG = ["9" * 300, "0x" + "f" * 5000]
TAGS = ["", "", "", "", "!!str ", "!!int ", "!!float ", "!!bool ", "!!null ", "!!binary ", "!!set ", "!!python/object:os.x ", "!foo ", "! ", "!!map ", "!!seq ", "!!timestamp "]  # fmt: skip
USUAL = [("timezone", "Europe/Berlin"), ("enabled", "false"), ("tags", "&a {no : yes}"), ("<<", "*shared "), ("<<", "{catchup : true}")]  # fmt: skip
KEYS = [
    *[
        "name",
        "config",
        "cron",
        "interval_seconds",
        "timezone",
        "start_date",
        "catchup",
        "max_concurrent_runs",
        "enabled",
        "tags",
        "runner",
        "mode",
    ],
    *["tenant", "connector", "source", "contract", "target", "layers", "models", "x-a", "<<"],
]
DAMAGE = [b"\t", b"\0", b"\xff", b"\xc3", b"\r", b"\xe2\x80\xa8", b"\xc2\x85", b"\xef\xbb\xbf", b"---\n", b"...\n", b"%YAML 1.1\n", b"<<: *a\n", b"&a ", b"*a ", b"!!binary ", b"? ", b"- ", b": ", b"{", b"}", b"[", b"]", b"|", b">", b"'", b'"', b"#", b"\n", b" ", b"\x1b", b"[" * 200]  # fmt: skip


def node(chance: random.Random, depth: int = 0) -> str:
    """One node in flow style, that any reader takes for one node, with what it likes in it."""
    anchor = f"&{chance.choice('abc')} " if chance.random() < 0.15 else ""
    kind = chance.random()
    if kind < 0.1:
        return f"*{chance.choice(['a', 'b', 'c', 'shared', 'undefined'])} "
    tag = chance.choice(TAGS)
    if depth == 1 and kind < 0.35:
        return scalar(chance)
    if depth > 4 or kind < 0.5:
        return f"{anchor}{tag}{scalar(chance)}"
    if kind < 0.52:
        deep = chance.choice([50, 100, 1000])
        return f"{'[' * deep}{']' * deep}"
    items = [node(chance, depth + 1) for _ in range(chance.choice([0, 1, 1, 2, 3]))]
    if kind < 0.75:
        return f"{anchor}{tag}[{', '.join(items)}]"
    pairs = [f"{key(chance, depth)} : {item}" for item in items]
    return f"{anchor}{tag}{{{', '.join(pairs)}}}"


def scalar(chance: random.Random) -> str:
    """A scalar, with quotes where it needs them."""
    kind = chance.random()
    if kind < 0.45:
        return chance.choice(PLAIN.split())
    return chance.choice(LONG) if kind < 0.5 else f'"{chance.choice(QUOTED)}"'


def key(chance: random.Random, depth: int) -> str:
    """A key of a mapping, now and then none that is text."""
    kind = chance.random()
    if kind < 0.8:
        return chance.choice(KEYS)
    return f"? {node(chance, depth + 1)}" if kind < 0.9 else chance.choice(PLAIN.split())


def entry(chance: random.Random) -> str:
    """A schedule: odd as a whole, or a good one with odd values or keys."""
    kind = chance.random()
    if kind < 0.2:
        return node(chance)
    good = {"name": "odd", "config": "jobs/acme/orders.yaml", "cron": '"0 6 * * *"'}
    pairs = [(name, value) for name, value in good.items() if chance.random() < 0.9]
    for _ in range(chance.choice([1, 1, 2, 3])):
        if kind < 0.6 and pairs:
            place = chance.randrange(len(pairs))
            pairs[place] = (pairs[place][0], node(chance, 1))
        else:
            pairs.append(chance.choice(USUAL) if chance.random() < 0.4 else (key(chance, 1), node(chance, 1)))
    return "{" + ", ".join(f"{name} : {value}" for name, value in pairs) + "}"


def damaged(chance: random.Random, content: bytes) -> bytes:
    """A file with some bytes or lines changed, cut, repeated, or put in."""
    for _ in range(chance.choice([1, 1, 1, 2, 5])):
        kind, place = chance.random(), chance.randrange(len(content) + 1)
        lines = content.split(b"\n")
        line = chance.randrange(len(lines))
        if kind < 0.35:
            content = content[:place] + chance.choice(DAMAGE) + content[place:]
        elif kind < 0.5:
            content = content[:place] + chance.randbytes(chance.choice([1, 2, 8])) + content[place + 1 :]
        elif kind < 0.6:
            content = content[:place]
        elif kind < 0.7:
            content = b"\n".join(lines[:line] + lines[line + 1 :])
        elif kind < 0.8:
            content = b"\n".join(lines[: line + 1] + lines[line:])
        elif kind < 0.9:
            name = lines[line].partition(b":")[0]
            content = b"\n".join([*lines[:line], name + b": " + node(chance).encode(), *lines[line + 1 :]])
        elif kind < 0.97:
            content = content.replace(b"\n", chance.choice([b"\r\n", b"\r", b"\n\n", b"\n  "]))
        else:
            content = content.decode("utf-8", "replace").encode(
                chance.choice(["utf-16", "utf-16-le", "utf-32", "cp500"]), "replace"
            )
    return content
