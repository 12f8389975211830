"""What is kept of a page's JSON: what is read of nodes and pods, and not the rest, which is most of it. Pure.

As mappings, so that a page that is not of this shape can be decoded whole instead, and is judged where it is read.
What is `Any` here is checked there.
"""

from __future__ import annotations

from typing import Any, TypedDict, cast

import msgspec
import orjson
from pydantic import JsonValue


class _Metadata(TypedDict, total=False):
    name: Any
    namespace: Any
    labels: Any
    annotations: Any


class _Named(TypedDict, total=False):
    name: Any
    namespace: Any


class _NodeSpec(TypedDict, total=False):
    taints: Any
    unschedulable: Any


class _NodeStatus(TypedDict, total=False):
    allocatable: Any
    conditions: Any


class _Node(TypedDict, total=False):
    metadata: _Metadata
    spec: _NodeSpec
    status: _NodeStatus


class _Container(TypedDict, total=False):
    resources: Any
    restartPolicy: Any


class _PodSpec(TypedDict, total=False):
    nodeName: Any
    initContainers: list[_Container] | None
    containers: list[_Container] | None


class _PodStatus(TypedDict, total=False):
    phase: Any


class _Pod(TypedDict, total=False):
    metadata: _Named
    spec: _PodSpec
    status: _PodStatus


class _List(TypedDict, total=False):
    kind: Any
    apiVersion: Any
    metadata: Any


class _Nodes(_List, total=False):
    items: list[_Node] | None


class _Pods(_List, total=False):
    items: list[_Pod] | None


_SHAPES: dict[str, msgspec.json.Decoder[Any]] = {
    "NodeList": msgspec.json.Decoder(_Nodes),
    "PodList": msgspec.json.Decoder(_Pods),
}


def decoded(body: bytes, kind: str) -> JsonValue:
    """A page of a list of this kind, in its shape; whole where that is not its shape or the kind has none.

    Raises orjson.JSONDecodeError for what is no JSON, as the client's own decoding does.
    """
    if shape := _SHAPES.get(kind):
        try:
            return cast(JsonValue, shape.decode(body.decode()))  # a text, as bytes that are left out are not checked
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
    return cast(JsonValue, orjson.loads(body))
