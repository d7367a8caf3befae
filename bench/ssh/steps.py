"""Five small steps, as both ways run them: they print, write, read, hash and remove a file."""

STEPS = {
    "look": "uname -r",
    "write": "echo some words >{file}",
    "read": "grep -q words {file}",
    "hash": "sha256sum {file}",
    "remove": "rm {file}",
}
