"""Value types of the plan file: each is plain data with the rule that validation and the JSON Schema enforce."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True, slots=True)
class Pattern:
    """The whole text must match this regular expression (ECMA 262 and Python's common subset)."""

    regex: str
    what: str = ""
    """what such a text is, with an example, as an error says it: `a version such as v1.35.4`"""


@dataclass(frozen=True, slots=True)
class Range:
    """The number lies within these bounds, both included."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class OneOf:
    """The text is one of these."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Size:
    """The list has at least and at most so many items, each once."""

    low: int
    high: int


# controls, and characters that a reviewer cannot see or that reorder what is seen (Unicode TR 36): none may stand in a
# plan, where NEL, LS and PS would be line breaks for YAML 1.1 and none for the reader
HIDDEN = (
    r"\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    r"\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff"
)

VERSION = Pattern(r"v(0|[1-9][0-9]{0,3})(\.(0|[1-9][0-9]{0,3})){2}(-[0-9A-Za-z.-]{1,64})?", "a version such as v1.35.4")

# RFC 1123 subdomain, as the API server demands of a Node's name
NodeName = Annotated[
    str,
    Pattern(
        r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?){0,9}",
        "a node's name such as cp-1.example",
    ),
]
Slug = Annotated[str, Pattern(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", "a name of lower-case letters, digits and dashes")]
Uid = Annotated[
    str, Pattern(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "a uid such as 1c0f6f5e-0b5d-4d5e-8a51-6f2f1b9c7d10")
]
# an IP address literal: never a host name, so that a plan cannot smuggle an option or an alias into ssh
Address = Annotated[str, Pattern(r"([0-9]{1,3}\.){3}[0-9]{1,3}|[0-9a-f:]{2,39}", "an IP address such as 10.0.0.11")]
Sha256 = Annotated[str, Pattern(r"sha256:[0-9a-f]{64}", "sha256: and 64 hexadecimal digits")]
HostKey = Annotated[str, Pattern(r"SHA256:[A-Za-z0-9+/]{43}", "a fingerprint as `ssh-keygen -l` prints it: SHA256:…")]
EtcdMemberId = Annotated[
    str, Pattern(r"[0-9a-f]{1,16}|external", "an etcd member id such as 2f79956f264cfa13, or external")
]
MinorLine = Annotated[str, Pattern(r"v1\.(0|[1-9][0-9]{0,3})|none", "a minor such as v1.35, or none")]
EtcdVersion = Annotated[
    str, Pattern(r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}|external", "etcd's version such as 3.6.5, or external")
]
Endpoint = Annotated[str, Pattern(r"[A-Za-z0-9.:\[\]-]{1,260}", "host:port")]
ImageRepository = Annotated[str, Pattern(r"[a-z0-9]([a-z0-9._/:-]{0,198}[a-z0-9])?", "an image repository")]
ImageTag = Annotated[str, Pattern(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", "an image tag, or none")]
EtcdTag = Annotated[str, Pattern(r"3\.[0-9]{1,3}\.[0-9]{1,3}-[0-9]{1,3}", "a tag of etcd's image such as 3.5.32-0")]
PackageName = Annotated[str, Pattern(r"[a-z0-9][a-z0-9+.-]{0,63}", "a package's name")]
# kubeadm's named preflight errors are words like SystemVerification or Port-6443; never `all`
KubeadmError = Annotated[
    str,
    Pattern(
        r"(?![aA][lL][lL]$)[A-Za-z][A-Za-z0-9-]{0,99}", "a named kubeadm error such as SystemVerification (never all)"
    ),
]
Text = Annotated[str, Pattern(rf"[^{HIDDEN}]{{0,1000}}", "one line of at most 1000 visible characters")]
Date = Annotated[str, Pattern(r"2[0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])", "a date such as 2026-12-24")]
Seconds = Annotated[int, Range(1, 86400)]
TimeOfDay = Annotated[str, Pattern(r"([01][0-9]|2[0-3]):[0-5][0-9]", "a time such as 22:00")]
TimeZone = Annotated[
    str,
    Pattern(r"[A-Za-z][A-Za-z0-9_+-]{0,31}(/[A-Za-z][A-Za-z0-9_+-]{0,31}){0,2}", "a time zone such as Europe/Berlin"),
]
# how many targets of a stage at once: a number or a share of the pool
Share = Annotated[
    str, Pattern(r"[1-9][0-9]{0,3}|[1-9][0-9]?%|100%", "a number of nodes or a share of the pool, such as 10%")
]


def visible(text: str) -> str:
    """What a Text may hold of it: one line, whatever cannot be seen turned into a space, cut at 1000 characters."""
    return re.sub(rf"[{HIDDEN}]+", " ", text)[:1000]
