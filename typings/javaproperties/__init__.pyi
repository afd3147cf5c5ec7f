"""The part of javaproperties in use; its own annotations leave the type of ``IO`` open."""

from collections.abc import Iterator, Mapping

class PropertiesElement:
    source: str

class KeyValue(PropertiesElement):
    key: str
    value: str

class InvalidUEscapeError(ValueError): ...

def parse(src: str | bytes) -> Iterator[PropertiesElement]: ...
def loads(s: str | bytes) -> dict[str, str]: ...
def dumps(props: Mapping[str, str], *, timestamp: bool = True) -> str: ...
