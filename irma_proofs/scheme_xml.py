"""Read the XML files of a scheme, and refuse document type declarations and entities."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from typing import Final, NoReturn
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from irma_core.errors import ConfigurationError

__all__ = ["XmlFile", "read_xml"]

_LONGEST: Final = 4 * 2**20
_DIGITS: Final = re.compile(r"[0-9]+", re.ASCII)


class _DoctypeError(ValueError):
    """The file has a document type declaration, which could define entities."""


class _Builder(TreeBuilder):
    def doctype(self, _name: str, _public: str | None, _system: str | None) -> NoReturn:
        raise _DoctypeError


class XmlFile:
    """One element of an XML file. Errors name the file by its path.

    Args:
        element: The element.
        path: The path of the file.
    """

    __slots__ = ("element", "path")

    def __init__(self, element: Element, path: str) -> None:
        self.element = element
        self.path = path

    def fault(self, reason: str) -> ConfigurationError:
        """Return an error that names the file."""
        return ConfigurationError(f"{self.path}: {reason}")

    @property
    def name(self) -> str:
        """The element's name, without its namespace."""
        return _local_name(self.element)

    def attribute(self, name: str) -> str | None:
        """Return the value of an XML attribute; None if the element does not have the attribute."""
        return self.element.get(name)

    def children(self) -> list[XmlFile]:
        """Return the child elements, in order."""
        return [XmlFile(each, self.path) for each in self.element]

    def find(self, name: str) -> XmlFile | None:
        """Return the only child with this name, or None.

        Raises:
            ConfigurationError: There are several such children.
        """
        found = [each for each in self.element if _local_name(each) == name]
        if len(found) > 1:
            raise self.fault(f"must have only one {name}")
        return XmlFile(found[0], self.path) if found else None

    def get(self, name: str) -> XmlFile:
        """Return the only child with this name.

        Raises:
            ConfigurationError: There is no such child, or there are several.
        """
        found = self.find(name)
        if found is None:
            raise self.fault(f"{name} is missing")
        return found

    def text(self) -> str:
        """Return the string in the element, without whitespace around it."""
        return (self.element.text or "").strip()

    def text_of(self, name: str) -> str:
        """Return the string in the only child called `name`; empty if there is no such child.

        Raises:
            ConfigurationError: There are several such children.
        """
        found = self.find(name)
        return "" if found is None else found.text()

    def number(self, name: str, *, digits: int) -> int:
        """Return the whole number in the only child with this name.

        Args:
            name: The child's name.
            digits: The maximum number of decimal digits.

        Raises:
            ConfigurationError: There is no such child, or it does not hold a whole number of at
                most `digits` digits.
        """
        text = self.get(name).text()
        if len(text) > digits or not _DIGITS.fullmatch(text):
            raise self.fault(f"{name} must be a whole number of at most {digits} digits")
        return int(text)

    def base64(self, name: str) -> bytes | None:
        """Return the bytes in the child called `name`, decoded from base64; None if it is absent.

        Raises:
            ConfigurationError: The child does not hold base64.
        """
        found = self.find(name)
        if found is None:
            return None
        try:
            return b64decode(found.text(), validate=True)
        except (Base64Error, ValueError):
            raise self.fault(f"{name} must be base64") from None

    def flag(self, name: str) -> bool:
        """Return whether the element has the XML attribute `name` with the value `true`."""
        return self.element.get(name) == "true"

    def translations(self, name: str) -> dict[str, str]:
        """Return the strings in the child called `name`, by language; empty if it is absent."""
        found = self.find(name)
        return {} if found is None else {each.name: each.text() for each in found.children()}


def read_xml(data: bytes, path: str, root: str) -> XmlFile:
    """Return the root element of an XML file.

    Args:
        data: The file's content, in UTF-8.
        path: The path of the file, for error messages.
        root: The name that the root must have, without its namespace.

    Raises:
        ConfigurationError: The file is not XML with this root, has a document type declaration,
            or is over 4 MiB.
    """
    if len(data) > _LONGEST:
        raise ConfigurationError(f"{path}: must not be larger than {_LONGEST} bytes")
    parser = XMLParser(target=_Builder())  # noqa: S314  # it refuses what could be harmful
    try:
        parser.feed(
            data.decode("utf-8-sig")
        )  # parsed from a string, so that the file cannot declare another encoding
        element: Element = parser.close()
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: must be UTF-8") from None
    except ParseError as error:
        line = error.position[0]
        raise ConfigurationError(f"{path}: is not valid XML (at line {line})") from None
    except _DoctypeError:
        raise ConfigurationError(f"{path}: must not have a document type declaration") from None
    if _local_name(element) != root:
        raise ConfigurationError(f"{path}: must be an XML file with the root element {root}")
    return XmlFile(element, path)


def _local_name(element: Element) -> str:
    return element.tag.rpartition("}")[2]
