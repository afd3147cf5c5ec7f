"""Compiles a message's table to one Python function that decodes it.

The function is straight-line code over local names: ``b`` the buffer, ``p`` the position,
``n`` a length or count, ``q`` where the current value ends, ``o0``, ``o1``… the structs
under construction by depth. Neighbouring fields of fixed size, and the length in front of
the field behind them, are read by one ``struct`` call.

Hostile bytes: positions only grow, and Python's slices never fail, so a length that runs
past the end is caught by the next read or by the one check at the end. Counts are checked
against the bytes that remain before anything is made for them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, cast

from raftkafka.errors import Malformed
from raftkafka.protocol import wire
from raftkafka.protocol.layout import (
    Context,
    Layout,
    context_of,
    element_of,
    in_versions,
    layout_of,
    smallest_field_size,
    smallest_size,
    struct_of,
)
from raftkafka.protocol.schema import FIXED_SIZES, Field, Message, Struct
from raftkafka.protocol.source import Source

Decode = Callable[[memoryview, int], tuple[Any, int]]

SHORT = 16
"""Loops and arrays of numbers below this length have a prepared ``range`` and ``struct``."""

SHORT_STRING = 64
"""Strings below this length have a prepared ``struct``, the fastest way out of a view."""


def compile_decoder(message: type[Message], version: int) -> Decode:
    """Return ``decode(buffer, position) -> (message, end)`` for one version.

    Its result may share the buffer's memory through ``records`` fields only.
    """
    return _DecodeCompiler(message, context_of(message, version)).compile()


class _DecodeCompiler:
    def __init__(self, message: type[Message], context: Context) -> None:
        self._message = message
        self._context = context
        # Indexing and decoding bytes is faster; but records must stay where they are.
        self._keeps_view = _holds_records(message)
        self._functions: list[Source] = []
        self._run: list[tuple[str, str]] = []
        self._names: dict[str, Any] = {
            "Malformed": Malformed,
            "OUT_OF_BOUNDS": (IndexError, struct.error, UnicodeDecodeError),
            "new": object.__new__,
            "read_tag_count": wire.read_tag_count,
            "read_varint": wire.read_varint,
            "read_varint_rest": wire.read_varint_rest,
            "read_string_length_rest": wire.read_string_length_rest,
            "skip_tags": wire.skip_tags,
            "ranges": [range(n) for n in range(SHORT)],
            "unpack_from": struct.unpack_from,
        }

    def compile(self) -> Decode:
        source = Source("def decode(b, p):")
        if not self._keeps_view:
            source.add("b = bytes(b)")
        source.add("end = len(b)")
        with source.block("try:"):
            self._struct(source, self._message, "o0", 1)
        with source.block("except OUT_OF_BOUNDS as error:"):
            source.add(f"raise Malformed('{self._message.__name__}: ' + str(error)) from error")
        with source.block("if p > end:"):
            source.add(f"raise Malformed('{self._message.__name__} ends early')")
        source.add("return o0, p")
        for function in [*self._functions, source]:
            exec(function.text(), self._names)
        return cast("Decode", self._names["decode"])

    def _struct(self, source: Source, cls: type[Struct], target: str, depth: int) -> None:
        """Read a struct into the local ``target``."""
        layout = layout_of(cls, self._context)
        source.add(f"{target} = new({self._name(cls)})")
        for name, field in layout.absent + layout.tagged:
            source.add(f"{target}.{name} = {self._default(field)}")
        for name, field in layout.plain:
            self._field(source, field, f"{target}.{name}", depth)
        if self._context.flexible:
            self._run.append(("B", "n"))
            self._flush(source)
            with source.block("if n:"):
                if layout.tagged:
                    function = self._tag_function(layout, depth)
                    source.add(f"p = {function}(b, p, n, {target})")
                else:
                    source.add("p = skip_tags(b, p, n)")
        self._flush(source)

    def _field(self, source: Source, field: Field, target: str, depth: int) -> None:
        """Read a field; one of fixed size only joins the current run."""
        if field.kind in FIXED_SIZES:
            self._run.append((field.kind, target))
        elif field.kind == "array":
            self._array(source, field, target, depth)
        elif field.kind == "struct":
            self._nested(source, field, target, depth)
        else:
            self._bytes(source, field, target)

    def _flush(self, source: Source) -> None:
        """Read the current run of fixed-size values by one call."""
        if not self._run:
            return
        kinds = "".join(kind for kind, _ in self._run)
        targets = "".join(f"{target}, " for _, target in self._run)
        if kinds == "B":
            source.add(f"{self._run[0][1]} = b[p]")
        else:
            unpack = "unpack_" + kinds.replace("?", "t")
            self._names[unpack] = struct.Struct(">" + kinds).unpack_from
            source.add(f"{targets}= {unpack}(b, p)")
        source.add(f"p += {struct.calcsize('>' + kinds)}")
        self._run.clear()

    def _length(self, source: Source, field: Field, target: str, format_: str) -> None:
        """Read a length or count into ``n``, compact ones plus 1; refuse what it cannot be.

        What is left to look at is null, where it is allowed: 0 if compact, else -1.
        """
        self._run.append(("B" if self._context.flexible else format_, "n"))
        self._flush(source)
        name = target.partition(".")[2] or "element"
        nullable = in_versions(field.null, self._context.version)
        if self._context.flexible:
            rest = "read_string_length_rest" if field.kind == "string" else "read_varint_rest"
            with source.block("if n > 127:"):
                source.add(f"n, p = {rest}(b, p, n)")
            refused = "" if nullable else "n == 0"
        else:
            refused = "n < -1" if nullable else "n < 0"
        if refused:
            with source.block(f"if {refused}:"):
                source.add(f"raise Malformed('{name} of a negative length')")

    def _is_null(self, field: Field) -> str | None:
        """Return the condition on ``n`` that says null, if null may be said."""
        if not in_versions(field.null, self._context.version):
            return None
        return "n == 0" if self._context.flexible else "n < 0"

    def _bytes(self, source: Source, field: Field, target: str) -> None:
        """Read a string, bytes or records."""
        self._length(source, field, target, "h" if field.kind == "string" else "i")
        null = self._is_null(field)
        if null is None:
            self._bytes_body(source, field, target)
            return
        with source.block(f"if {null}:"):
            source.add(f"{target} = None")
        with source.block("else:"):
            self._bytes_body(source, field, target)

    def _bytes_body(self, source: Source, field: Field, target: str) -> None:
        source.add("q = p + n - 1" if self._context.flexible else "q = p + n")
        value = "b[p:q]"
        if field.kind == "string":
            value = self._view_string() if self._keeps_view else "b[p:q].decode()"
        elif field.kind == "binary" and self._keeps_view:
            value = "bytes(b[p:q])"
        source.add(f"{target} = {value}")
        source.add("p = q")

    def _view_string(self) -> str:
        """Return the expression that reads a string out of a view."""
        extra = 1 if self._context.flexible else 0
        lengths = [max(0, n - extra) for n in range(SHORT_STRING)]
        self._names["unpack_string"] = [struct.Struct(f"{n}s").unpack_from for n in lengths]
        short = "unpack_string[n](b, p)[0]"
        return f"({short} if n < {SHORT_STRING} else bytes(b[p:q])).decode()"

    def _nested(self, source: Source, field: Field, target: str, depth: int) -> None:
        """Read a struct inside a struct; a nullable one has a sign byte in front."""
        local = f"o{depth}"
        if not in_versions(field.null, self._context.version):
            self._struct(source, struct_of(field), local, depth + 1)
            source.add(f"{target} = {local}")
            return
        self._run.append(("b", "n"))
        self._flush(source)
        with source.block("if n < 0:"):
            source.add(f"{target} = None")
        with source.block("else:"):
            self._struct(source, struct_of(field), local, depth + 1)
            source.add(f"{target} = {local}")

    def _array(self, source: Source, field: Field, target: str, depth: int) -> None:
        self._length(source, field, target, "i")
        null = self._is_null(field)
        if null is None:
            self._array_body(source, field, target, depth)
            return
        with source.block(f"if {null}:"):
            source.add(f"{target} = None")
        with source.block("else:"):
            self._array_body(source, field, target, depth)

    def _array_body(self, source: Source, field: Field, target: str, depth: int) -> None:
        element = element_of(field)
        if self._context.flexible:
            source.add("n -= 1")
        smallest = (
            smallest_field_size(element, self._context)
            if isinstance(element, Field)
            else smallest_size(element, self._context)
        )
        size = f"n * {smallest}" if smallest != 1 else "n"
        with source.block(f"if {size} > end - p:"):
            source.add("raise Malformed(f'{n} elements in {end - p} bytes')")
        if isinstance(element, Field) and element.kind in "bhiq":
            source.add(f"{target} = {self._numbers(element.kind)}")
            source.add(f"p += {size}")
            return
        elements, item = f"a{depth}", f"o{depth}"
        source.add(f"{target} = {elements} = []")
        with source.block(f"for _ in ranges[n] if n < {SHORT} else range(n):"):
            if isinstance(element, Field):
                self._field(source, element, item, depth + 1)
                self._flush(source)
            else:
                self._struct(source, element, item, depth + 1)
            source.add(f"{elements}.append({item})")

    def _numbers(self, kind: str) -> str:
        """Return the expression that reads ``n`` numbers of one kind."""
        short = f"unpack_short_{kind}"
        self._names[short] = [struct.Struct(f">{n}{kind}").unpack_from for n in range(SHORT)]
        long = f"unpack_from(f'>{{n}}{kind}', b, p)"
        return f"list({short}[n](b, p) if n < {SHORT} else {long})"

    def _tag_function(self, layout: Layout, depth: int) -> str:
        """Write the function that reads tagged fields, known and unknown; return its name."""
        name = f"read_tags_{len(self._functions)}"
        source = Source(f"def {name}(b, p, n, o):")
        self._functions.append(source)
        source.add("end = len(b)")
        source.add("n, p = read_tag_count(b, p, n)")
        with source.block("for _ in range(n):"):
            source.add("tag, p = read_varint(b, p)")
            source.add("size, p = read_varint(b, p)")
            source.add("stop = p + size")
            for field_name, field in layout.tagged:
                with source.block(f"if tag == {field.tag}:"):
                    self._tagged(source, field, f"o.{field_name}", depth)
                    with source.block("if p != stop:"):
                        source.add(f"raise Malformed('{field_name}: not of its size')")
            source.add("p = stop")
        source.add("return p")
        return name

    def _tagged(self, source: Source, field: Field, target: str, depth: int) -> None:
        if field.kind == "struct":
            self._struct(source, struct_of(field), "o1", depth + 1)
            source.add(f"{target} = o1")
        else:
            self._field(source, field, target, depth)
        self._flush(source)

    def _name(self, cls: type[Struct]) -> str:
        self._names[cls.__name__] = cls
        return cls.__name__

    def _default(self, field: Field) -> str:
        """Return the expression for a field that was not sent."""
        if field.default is list:
            return "[]"
        return (
            f"{self._name(struct_of(field))}()" if callable(field.default) else repr(field.default)
        )


def _holds_records(cls: type[Struct]) -> bool:
    for field in cls.__fields__.values():
        if field.kind == "records":
            return True
        if field.kind == "struct" and _holds_records(struct_of(field)):
            return True
        if field.kind == "array":
            element = element_of(field)
            if not isinstance(element, Field) and _holds_records(element):
                return True
    return False
