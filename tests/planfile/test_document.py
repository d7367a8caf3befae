"""Only a harmless part of YAML is read, and every refusal says where."""

from __future__ import annotations

import pytest

from kubectl_upgrade.planfile.document import MAX_BYTES, MAX_DEPTH, MAX_SCALAR, MAX_VALUES, DocumentError, compose

REFUSED = {
    "empty": (b"", (1, 1), "empty"),
    "only a comment": (b"# plan\n", (1, 1), "empty"),
    "alias": (b"a: &x {b: 1}\nc: *x\n", (1, 4), "anchors"),
    "alias bomb": (b"a: &a [x, x]\nb: &b [*a, *a]\n", (1, 4), "anchors"),
    "alias of nothing": (b"a: *x\n", (1, 4), "anchors"),
    "tag": (b"a: !!python/object:os.system x\n", (1, 4), "tags"),
    "tag of text": (b"a: !!str 1\n", (1, 4), "tags"),
    "non-specific tag": (b"a: ! x\n", (1, 4), "tags"),
    "tag on a key": (b"!!str a: x\n", (1, 1), "tags"),
    "merge key": (b"a: {<<: {b: 1}}\n", (1, 5), "key of a"),
    "duplicate key": (b"a: 1\nb: 2\na: 3\n", (3, 1), '"a" stands here a second time'),
    "duplicate key, written otherwise": (b'a: 1\n"\\x61": 2\n', (2, 1), "a second time"),
    "number as key": (b"1: x\n", (1, 1), "key of the plan"),
    "null as key": (b"~: x\n", (1, 1), "key of the plan"),
    "list as key": (b"? [a]\n: x\n", (1, 3), "key of the plan"),
    "two documents": (b"a: 1\n---\nb: 2\n", (2, 1), "second document"),
    "YAML 1.1": (b"%YAML 1.1\n---\na: 1\n", (1, 1), "directives"),
    "tag directive": (b"%TAG ! tag:example.com,2000:\n---\na: 1\n", (1, 1), "directives"),
    "unknown directive": (b"%FOO\n---\na: 1\n", (1, 5), "broken"),
    "not UTF-8": (b"a: 1\nb: \xff\n", (2, 1), "not UTF-8"),
    "UTF-16": ("a: 1\n".encode("utf-16"), (1, 1), "not UTF-8"),
    "byte order mark": (b"\xef\xbb\xbfa: 1\n", (1, 1), "U+FEFF"),
    "NUL": (b"a: 1\nb: x\x00\n", (2, 5), "U+0000"),
    "tab": (b"a:\n\tb: 1\n", (2, 1), "U+0009"),
    "lone carriage return": (b"a: 1 # x\rb: 2\n", (1, 9), "U+000D"),
    "line break that only YAML 1.1 knows": ("a: 1 # harmless\u2028b: 2\n".encode(), (1, 16), "U+2028"),
    "next line": ("a: 1 # harmless\x85b: 2\n".encode(), (1, 16), "U+0085"),
    "right-to-left override": ("a: 1 # \u202ex\n".encode(), (1, 8), "U+202E"),
    "zero width": ("a: x\u200by\n".encode(), (1, 5), "U+200B"),
    "terminal escape": (b"a: 1\n# \x1b[2J\n", (2, 3), "U+001B"),
    "broken": (b"a: [1\nb: 2\n", (2, 2), "broken"),
    "unbalanced": (b"a: 1\n}\n", (2, 1), "broken"),
    "surrogate": (b'a: "\\ud800"\n', (1, 7), "broken"),
    "number of 20 digits": (b"a: 12345678901234567890\n", (1, 4), "so many digits"),
    "5000 digits": (b"a: " + b"1" * 5000 + b"\n", (1, 4), "so many digits"),
    "too deep": (b"[" * (MAX_DEPTH + 2), (1, MAX_DEPTH + 2), "nesting"),
    "far too deep": (b"[" * 900, (1, MAX_DEPTH + 2), "levels"),
    "long text": (b"a: " + b"x" * (MAX_SCALAR + 1), (1, 4), "characters"),
    "long key": (b"? " + b"x" * (MAX_SCALAR + 1) + b"\n", (1, 3), "characters"),
    "too large": (b"#" * (MAX_BYTES + 1), (1, 1), "bytes"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    data, position, message = REFUSED[case]
    with pytest.raises(DocumentError) as refused:
        compose(data)
    assert message in refused.value.message
    assert refused.value.position == position


def test_too_many_values() -> None:
    with pytest.raises(DocumentError, match=f"more than {MAX_VALUES} values"):
        compose(b"- a\n" * (MAX_VALUES + 1))


def test_scalars_by_the_core_schema() -> None:
    text = (
        b"{a: on, b: yes, c: 2026-12-24, d: 010, e: 12:30:45, f: null, g: ~, h: '1', i: 0x1F, j: true, k: 1.5, l: '~'}"
    )
    assert compose(text).data == {
        "a": "on",
        "b": "yes",
        "c": "2026-12-24",
        "d": 10,
        "e": "12:30:45",
        "f": None,
        "g": None,
        "h": "1",
        "i": 31,
        "j": True,
        "k": 1.5,
        "l": "~",
    }


def test_what_is_allowed() -> None:
    text = "%YAML 1.2\n---\r\n# grün\r\na: [1,\r\n  'zwei']\nb: >-\n  folded\n  text\n"
    assert compose(text.encode()).data == {"a": [1, "zwei"], "b": "folded text"}


def test_positions() -> None:
    document = compose(b"a:\n- b: {c: 1}\n  d: x\n")
    assert document.position(("a",)) == (2, 1)
    assert document.position(("a", 0, "b", "c")) == (2, 10)
    assert document.position(("a", 0, "d")) == (3, 6)
    assert document.position(("a", 0, "with", "missing")) == (2, 3)
    assert document.position(("nothing",)) == (1, 1)
