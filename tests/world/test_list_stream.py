"""ListStream: items of a list, however the bytes are cut."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from kubectl_upgrade.world.list_stream import ListStream, NoListError

if TYPE_CHECKING:
    from collections.abc import Callable

ITEMS: list[dict[str, Any]] = [
    {"metadata": {"name": "ä🙂", "labels": {'a"b\\': "]}"}}, "n": -1.5e3},
    {"metadata": {"name": "items", "items": []}, "spec": {"continue": "no"}},
    {},
]


def cut(data: bytes, size: int) -> Callable[[int], bytes]:
    source = io.BytesIO(data)
    return lambda _: source.read(size)


def items_of(data: bytes, size: int = 7) -> tuple[list[Any], str]:
    stream = ListStream(cut(data, size))
    return list(stream), stream.token


@pytest.mark.parametrize("size", [1, 2, 3, 5, 64, 10_000])
@pytest.mark.parametrize("indent", [None, 2])
def test_wherever_the_bytes_are_cut(size: int, indent: int | None) -> None:
    page = {"kind": "NodeList", "metadata": {"continue": "t", "remainingItemCount": 12}, "items": ITEMS}
    data = json.dumps(page, ensure_ascii=False, indent=indent).encode()
    assert items_of(data, size) == (ITEMS, "t")


def test_the_metadata_may_come_last() -> None:
    # as of custom resources, whose keys are sorted
    data = json.dumps({"apiVersion": "v1", "items": ITEMS, "metadata": {"continue": "t"}, "n": 12}).encode()
    assert items_of(data, 1) == (ITEMS, "t")


@pytest.mark.parametrize("page", [{"items": None, "metadata": {}}, {"items": [], "metadata": None}, {"items": []}])
def test_nothing_in_it(page: dict[str, Any]) -> None:
    assert items_of(json.dumps(page).encode()) == ([], "")


def test_it_is_read_to_its_end() -> None:
    source = io.BytesIO(b'{"items":[]}\n  ')
    assert not list(ListStream(source.read))
    assert source.read() == b""


def test_items_come_before_all_is_there() -> None:
    def read(_: int) -> bytes:
        assert chunks, "it read on before the item was taken"
        return chunks.pop(0)

    chunks = [b'{"items":[{"n":1},{"n', b'":2}']
    items = iter(ListStream(read))
    assert next(items) == {"n": 1}
    assert len(chunks) == 1
    assert next(items) == {"n": 2}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"<html>busy</html>", "<html>"),
        (b"", ""),
        (b'{"kind": "Status", "metadata": {}}', "an object without items"),
        (b'{"items":[{"n":1},{"n"', '{"n"'),
        (b'{"items":[{"n":1}', ""),
        (b'{"items":[{"n":1}]', ""),
        (b'{"items":[{"n":1} {"n":2}]}', '{"n":2}'),
        (b'{"items" []}', "[]}"),
        (b'["items"]', '["items"]'),
    ],
)
def test_what_is_no_list_is_told(data: bytes, said: str) -> None:
    with pytest.raises(NoListError) as error:
        items_of(data, 10_000)
    assert str(error.value).startswith(said)
    assert len(str(error.value)) <= 200
