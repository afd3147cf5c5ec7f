"""Compiles a message's table to one Python function that encodes it.

The function appends small pieces to a local list ``parts`` and joins them once; records go
into ``out`` as they are. Its local names: ``o0``, ``e1``… the structs by depth, ``y1``… the
arrays, ``x`` a value, ``n`` a length. Neighbouring fields of fixed size, and the length of
what follows them, are written by one ``struct`` call.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, cast

from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.protocol import wire
from raftkafka.protocol.layout import (
    Context,
    Layout,
    context_of,
    element_of,
    in_versions,
    layout_of,
    struct_of,
)
from raftkafka.protocol.schema import FIXED_SIZES, Field, Message, Struct, default_value
from raftkafka.protocol.source import Source

Encode = Callable[[Any, list[Any]], None]

SHORT_ARRAY = 16
"""Arrays of numbers below this length are written together with what precedes them."""


def compile_encoder(message: type[Message], version: int) -> Encode:
    """Return ``encode(message, out)`` for one version.

    It appends buffers to ``out`` and raises ``KafkaError`` (UNSUPPORTED_VERSION) where a
    field that the version lacks, and that may not be ignored, is not at its default.
    """
    return _EncodeCompiler(message, context_of(message, version)).compile()


def _refuse(cls_name: str, field_name: str, version: int) -> KafkaError:
    message = f"{cls_name}.{field_name} cannot be sent in version {version}"
    return KafkaError(ErrorCode.UNSUPPORTED_VERSION, message)


class _EncodeCompiler:
    def __init__(self, message: type[Message], context: Context) -> None:
        self._message = message
        self._context = context
        self._functions: list[Source] = []
        self._run: list[tuple[str, str]] = []
        self._names: dict[str, Any] = {
            "join": b"".join,
            "pack": struct.pack,
            "refuse": _refuse,
            "short_varints": wire.SHORT_VARINTS,
            "string_varint": wire.string_varint,
            "varint": wire.varint,
        }

    def compile(self) -> Encode:
        source = Source("def encode(o0, out):")
        source.add("parts = []")
        self._struct(source, self._message, "o0", 1)
        with source.block("if parts:"):
            source.add("out.append(join(parts))")
        for function in [*self._functions, source]:
            exec(function.text(), self._names)
        return cast("Encode", self._names["encode"])

    def _struct(self, source: Source, cls: type[Struct], value: str, depth: int) -> None:
        layout = layout_of(cls, self._context)
        for name, field in layout.absent:
            if not field.ignorable:
                with source.block(f"if {self._differs(cls, name, field, value)}:"):
                    version = self._context.version
                    source.add(f"raise refuse('{cls.__name__}', '{name}', {version})")
        for name, field in layout.plain:
            self._field(source, field, f"{value}.{name}", depth)
        if not self._context.flexible:
            self._flush(source)
        elif not layout.tagged:
            self._run.append(("x", ""))
            self._flush(source)
        else:
            self._flush(source)
            function = self._tag_function(cls, layout, depth)
            some = " or ".join(self._differs(cls, *named, value) for named in layout.tagged)
            with source.block(f"if {some}:"):
                source.add(f"{function}({value}, parts)")
            with source.block("else:"):
                source.add("parts.append(b'\\0')")

    def _differs(self, cls: type[Struct], name: str, field: Field, value: str) -> str:
        """Return the condition that a field is not at its default."""
        if field.default is None:
            return f"{value}.{name} is not None"
        if field.default is list:
            return f"({value}.{name} is None or len({value}.{name}) != 0)"
        default = f"default_{cls.__name__}_{name}"
        self._names[default] = default_value(field)
        return f"{value}.{name} != {default}"

    def _field(self, source: Source, field: Field, value: str, depth: int) -> None:
        """Write a field; one of fixed size only joins the current run."""
        if field.kind in FIXED_SIZES:
            self._run.append((field.kind, value))
        elif field.kind == "array":
            self._array(source, field, value, depth)
        elif field.kind == "struct":
            self._nested(source, field, value, depth)
        elif field.kind == "records":
            self._records(source, value)
        else:
            self._bytes(source, field, value)

    def _pack(self, kinds: str, values: list[str]) -> str:
        """Return the expression that packs values of fixed size."""
        if kinds == "x":
            return "b'\\0'"
        pack = "pack_" + kinds.replace("?", "t")
        self._names[pack] = struct.Struct(">" + kinds).pack
        return f"{pack}({', '.join(value for value in values if value)})"

    def _take_run(self) -> tuple[str, list[str]]:
        kinds = "".join(kind for kind, _ in self._run)
        values = [value for _, value in self._run]
        self._run.clear()
        return kinds, values

    def _flush(self, source: Source) -> None:
        """Write the current run of fixed-size values by one call."""
        if self._run:
            source.add(f"parts.append({self._pack(*self._take_run())})")

    def _flush_with_length(self, source: Source, kind: str) -> None:
        """Write the current run and the length ``n`` behind it (compact ones plus 1)."""
        if not self._context.flexible:
            self._run.append(("h" if kind == "string" else "i", "n"))
            self._flush(source)
            return
        varint = "string_varint" if kind == "string" else "varint"
        if not self._run:
            source.add(f"parts.append(short_varints[n] if n < 128 else {varint}(n))")
            return
        kinds, values = self._take_run()
        short = self._pack(kinds + "B", [*values, "n"])
        long = f"{self._pack(kinds, values)} + {varint}(n)"
        source.add(f"parts.append({short} if n < 128 else {long})")

    def _load_with_length(
        self, source: Source, field: Field, name: str, value: str, empty: str, convert: str = ""
    ) -> None:
        """Put a value into the local ``name`` and its length, as sent, into ``n``."""
        length = f"n = len({name}) + 1" if self._context.flexible else f"n = len({name})"
        if not in_versions(field.null, self._context.version):
            source.add(f"{name} = {value}{convert}")
            source.add(length)
            return
        source.add(f"{name} = {value}")
        with source.block(f"if {name} is None:"):
            source.add(f"{name} = {empty}")
            source.add("n = 0" if self._context.flexible else "n = -1")
        with source.block("else:"):
            if convert:
                source.add(f"{name} = {name}{convert}")
            source.add(length)

    def _bytes(self, source: Source, field: Field, value: str) -> None:
        convert = ".encode()" if field.kind == "string" else ""
        self._load_with_length(source, field, "x", value, "b''", convert)
        self._flush_with_length(source, field.kind)
        source.add("parts.append(x)")

    def _records(self, source: Source, value: str) -> None:
        """Write the length in front, and hand the records to ``out`` as they are."""
        null, plus = ("0", " + 1") if self._context.flexible else ("-1", "")
        source.add(f"x = {value}")
        source.add(f"n = {null} if x is None else len(x){plus}")
        self._flush_with_length(source, "records")
        with source.block("if x is not None and len(x):"):
            source.add("out.append(join(parts))")
            source.add("parts = []")
            source.add("out.append(x)")

    def _nested(self, source: Source, field: Field, value: str, depth: int) -> None:
        local = f"e{depth}"
        source.add(f"{local} = {value}")
        if not in_versions(field.null, self._context.version):
            self._struct(source, struct_of(field), local, depth + 1)
            return
        self._flush(source)
        with source.block(f"if {local} is None:"):
            source.add("parts.append(b'\\xff')")
        with source.block("else:"):
            self._run.append(("b", "1"))
            self._struct(source, struct_of(field), local, depth + 1)

    def _array(self, source: Source, field: Field, value: str, depth: int) -> None:
        local, item = f"y{depth}", f"e{depth}"
        element = element_of(field)
        self._load_with_length(source, field, local, value, "()")
        if isinstance(element, Field) and element.kind in "bhiq":
            self._numbers(source, element.kind, local)
            return
        self._flush_with_length(source, "array")
        with source.block(f"for {item} in {local}:"):
            if isinstance(element, Field):
                self._field(source, element, item, depth + 1)
                self._flush(source)
            else:
                self._struct(source, element, item, depth + 1)

    def _numbers(self, source: Source, kind: str, local: str) -> None:
        """Write an array of numbers, with the current run if it is short."""
        run = list(self._run)
        kinds, values = self._take_run()
        prefix = kinds + ("B" if self._context.flexible else "i")
        packs = f"pack_{prefix}_{kind}".replace("?", "t")
        self._names[packs] = [struct.Struct(f">{prefix}{n}{kind}").pack for n in range(SHORT_ARRAY)]
        arguments = ", ".join([*values, "n", f"*{local}"])
        with source.block(f"if len({local}) < {SHORT_ARRAY}:"):
            source.add(f"parts.append({packs}[len({local})]({arguments}))")
        with source.block("else:"):
            self._run.extend(run)
            self._flush_with_length(source, "array")
            source.add(f"parts.append(pack(f'>{{len({local})}}{kind}', *{local}))")

    def _tag_function(self, cls: type[Struct], layout: Layout, depth: int) -> str:
        """Write the function that appends the tagged fields; return its name."""
        name = f"write_tags_{len(self._functions)}"
        source = Source(f"def {name}(o, out):")
        self._functions.append(source)
        source.add("tagged = []")
        for field_name, field in layout.tagged:
            with source.block(f"if {self._differs(cls, field_name, field, 'o')}:"):
                source.add("parts = []")
                if field.kind == "struct":
                    self._struct(source, struct_of(field), f"o.{field_name}", depth)
                else:
                    self._field(source, field, f"o.{field_name}", depth)
                self._flush(source)
                source.add("x = join(parts)")
                source.add(f"tagged.append(varint({field.tag}) + varint(len(x)) + x)")
        source.add("out.append(varint(len(tagged)) + join(tagged))")
        return name
