"""Declaring Kafka's messages: typed classes whose fields carry their wire type and versions.

    class FetchPartition(Struct):
        partition: int = int32()
        current_leader_epoch: int = int32("9+", default=-1, ignorable=True)

A class is cheap to declare (over three hundred of them load at start-up) and works as a
dataclass with keyword arguments: every field has Kafka's default. Strings are ``str``,
uuids 16 ``bytes``, arrays ``list``. Version ranges are written as Kafka writes them:
``"3+"``, ``"2-7"``, ``"4"``, and ``""`` for none.

Source: Kafka's ``clients/src/main/resources/common/message/README.md`` for the meaning of
versions, nullability, tags, defaults and "ignorable".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Protocol, TypeVar, cast, dataclass_transform, overload

from raftkafka.types import ZERO_ID

T = TypeVar("T")
ALL = "0+"

FIXED_SIZES = {"b": 1, "?": 1, "h": 2, "H": 2, "i": 4, "q": 8, "d": 8, "16s": 16}
"""Kinds of fixed size: their ``struct`` format and their bytes."""


class SizedRecords(Protocol):
    """Records that are not in memory, such as a range of a file: only their size is known."""

    def __len__(self) -> int:
        """Return the size in bytes."""
        ...


class Field:
    """One field on the wire.

    ``kind`` is a format of ``FIXED_SIZES``, or string, binary, records, array, struct.
    ``element`` is an array's element (a Struct or a field function) or a struct's class.
    ``default`` is a value, or a callable that makes a new one.
    """

    __slots__ = ("default", "element", "ignorable", "kind", "null", "tag", "versions")

    def __init__(
        self,
        kind: str,
        versions: str,
        default: object,
        *,
        null: str = "",
        tag: int | None = None,
        ignorable: bool = False,
        element: Callable[..., object] | None = None,
    ) -> None:
        self.kind = kind
        self.versions = versions
        self.default = default
        self.null = null
        self.tag = tag
        self.ignorable = ignorable
        self.element = element


@dataclass_transform(kw_only_default=True)
class StructType(type):
    """Turns the declared fields of a class into slots, and keeps them in ``__fields__``."""

    __fields__: dict[str, Field]

    def __new__(
        mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: object
    ) -> StructType:
        """Make the class; ``options`` are the keywords of ``Message`` and its kin."""
        fields = {key: value for key, value in namespace.items() if type(value) is Field}
        for key in fields:
            del namespace[key]
        namespace["__slots__"] = tuple(fields)
        namespace["__fields__"] = fields
        return super().__new__(mcs, name, bases, namespace, **options)


class Struct(metaclass=StructType):
    """A part of a message, compared by value; mutable, thus not hashable."""

    def __init__(self, **values: object) -> None:
        """Compile the class's own ``__init__`` at its first use, and go on with that."""
        cls = type(self)
        type.__setattr__(cls, "__init__", _compile_init(cls))
        cls.__init__(self, **values)

    def __eq__(self, other: object) -> bool:
        """Compare class and fields."""
        if type(self) is not type(other):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in type(self).__fields__)

    def __repr__(self) -> str:
        """Name the fields that differ from their defaults."""
        shown = [
            f"{name}={getattr(self, name)!r}"
            for name, field in type(self).__fields__.items()
            if getattr(self, name) != default_value(field)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"


class Message(Struct):
    """A whole message; field versions of it and of its parts are versions of the message."""

    versions: ClassVar[str]
    flexible: ClassVar[str]

    def __init_subclass__(cls, *, versions: str = "", flexible: str = "") -> None:
        """Note the versions that exist, and those with compact lengths and tags (KIP-482)."""
        cls.versions = versions
        cls.flexible = flexible


class ApiMessage(Message):
    """A request or a response."""

    api_key: ClassVar[int]

    def __init_subclass__(cls, *, api: int = -1, versions: str = "", flexible: str = "") -> None:
        """Note the API key too."""
        super().__init_subclass__(versions=versions, flexible=flexible)
        cls.api_key = api


class Request(ApiMessage):
    """The body of a request."""


class Response(ApiMessage):
    """The body of a response."""


def default_value(field: Field) -> object:
    """Return the value of a field that nobody set."""
    return field.default() if callable(field.default) else field.default


def _compile_init(cls: type[Struct]) -> Callable[..., None]:
    names: dict[str, Any] = {"NEW": object()}
    parameters: list[str] = []
    body: list[str] = []
    for name, field in cls.__fields__.items():
        default = f"default_{name}"
        names[default] = field.default
        if callable(field.default):
            parameters.append(f"{name}=NEW")
            body.append(f" self.{name} = {default}() if {name} is NEW else {name}")
        else:
            parameters.append(f"{name}={default}")
            body.append(f" self.{name} = {name}")
    star = "*, " if parameters else ""
    head = f"def __init__(self, {star}{', '.join(parameters)}):"
    exec("\n".join([head, *body, " return None"]), names)
    return cast("Callable[..., None]", names["__init__"])


class _NumberField(Protocol):
    def __call__(
        self,
        versions: str = ALL,
        *,
        default: int = 0,
        tag: int | None = None,
        ignorable: bool = False,
    ) -> int: ...


def _number(kind: str) -> _NumberField:
    def number(
        versions: str = ALL,
        *,
        default: int = 0,
        tag: int | None = None,
        ignorable: bool = False,
    ) -> int:
        return cast("int", Field(kind, versions, default, tag=tag, ignorable=ignorable))

    return number


int8 = _number("b")
int16 = _number("h")
uint16 = _number("H")
int32 = _number("i")
int64 = _number("q")


def float64(versions: str = ALL, *, default: float = 0.0) -> float:
    """Declare a double."""
    return cast("float", Field("d", versions, default))


def boolean(
    versions: str = ALL, *, default: bool = False, tag: int | None = None, ignorable: bool = False
) -> bool:
    """Declare a bool: one byte, not zero is true."""
    return cast("bool", Field("?", versions, default, tag=tag, ignorable=ignorable))


def uuid(versions: str = ALL, *, tag: int | None = None, ignorable: bool = False) -> bytes:
    """Declare a uuid: 16 bytes, all zero by default."""
    return cast("bytes", Field("16s", versions, ZERO_ID, tag=tag, ignorable=ignorable))


@overload
def string(
    versions: str = ..., *, default: str = ..., tag: int | None = ..., ignorable: bool = ...
) -> str: ...
@overload
def string(
    versions: str = ...,
    *,
    null: str,
    default: str | None = ...,
    tag: int | None = ...,
    ignorable: bool = ...,
) -> str | None: ...
def string(
    versions: str = ALL,
    *,
    null: str = "",
    default: str | None = "",
    tag: int | None = None,
    ignorable: bool = False,
) -> str | None:
    """Declare a string of at most 32,767 bytes of UTF-8; ``null``: versions that allow None."""
    field = Field("string", versions, default, null=null, tag=tag, ignorable=ignorable)
    return cast("str | None", field)


@overload
def binary(versions: str = ..., *, ignorable: bool = ...) -> bytes: ...
@overload
def binary(
    versions: str = ..., *, null: str, default: bytes | None = ..., ignorable: bool = ...
) -> bytes | None: ...
def binary(
    versions: str = ALL, *, null: str = "", default: bytes | None = b"", ignorable: bool = False
) -> bytes | None:
    """Declare bytes, which are copied out of the frame."""
    field = Field("binary", versions, default, null=null, ignorable=ignorable)
    return cast("bytes | None", field)


def records(versions: str = ALL, *, null: str) -> memoryview:
    """Declare record batches: a slice of the frame when decoded, sent as they are by encode."""
    return cast("memoryview", Field("records", versions, None, null=null))


@overload
def array(
    element: Callable[..., T],
    versions: str = ...,
    *,
    tag: int | None = ...,
    ignorable: bool = ...,
) -> list[T]: ...
@overload
def array(
    element: Callable[..., T],
    versions: str = ...,
    *,
    null: str,
    default: None = ...,
    tag: int | None = ...,
    ignorable: bool = ...,
) -> list[T] | None: ...
def array(
    element: Callable[..., T],
    versions: str = ALL,
    *,
    null: str = "",
    default: Callable[[], object] | None = list,
    tag: int | None = None,
    ignorable: bool = False,
) -> list[T] | None:
    """Declare an array of a Struct, or of what a field function declares; empty by default."""
    field = Field(
        "array", versions, default, null=null, tag=tag, ignorable=ignorable, element=element
    )
    return cast("list[T] | None", field)


def nested(cls: type[T], versions: str = ALL, *, ignorable: bool = False) -> T:
    """Declare one Struct that is always there."""
    return cast("T", Field("struct", versions, cls, ignorable=ignorable, element=cls))


def optional(
    cls: type[T], versions: str = ALL, *, tag: int | None = None, ignorable: bool = False
) -> T | None:
    """Declare one Struct, or None: untagged it is null on the wire, tagged it is left out."""
    null = versions if tag is None else ""
    field = Field("struct", versions, None, null=null, tag=tag, ignorable=ignorable, element=cls)
    return cast("T | None", field)
