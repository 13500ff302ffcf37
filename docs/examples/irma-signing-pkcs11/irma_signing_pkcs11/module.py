"""PKCS#11 modules: shared libraries, loaded once a process and told that threads will call them.

Belongs here: loading. Does not belong here: tokens and sessions (`sessions`).

python-pkcs11 (0.10) calls `C_Initialize(NULL)`, which says that no two threads call at once
(PKCS#11 2.40, section 5.4); modules then drop their locks, and SoftHSM fails with `GeneralError`
when they do. It has no way to say otherwise, so the module is finalized and initialized again here,
with `CKF_OS_LOCKING_OK`.
"""

from __future__ import annotations

import ctypes
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pkcs11

from irma_signing_pkcs11.failures import TokenError, native

if TYPE_CHECKING:
    from pkcs11._pkcs11 import lib as Module  # noqa: N812  # a class, named like a function

__all__ = ["load_module"]

_OS_LOCKING_OK: Final = 2
_OK: Final = 0

_lock = threading.Lock()
_loaded: dict[str, tuple[int, Module]] = {}


class _InitializeArguments(ctypes.Structure):
    """`CK_C_INITIALIZE_ARGS`: four functions for mutexes (none: the system's), flags, reserved."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("create", "destroy", "lock", "unlock")),
        ("flags", ctypes.c_ulong),
        ("reserved", ctypes.c_void_p),
    )


def load_module(path: str) -> Module:
    """Load a module, or give it if this process has it already.

    Args:
        path: Absolute: a bare name would be looked up in places that the environment names.

    Raises:
        TokenError: There is none, or it cannot be used by threads.
    """
    if not Path(path).is_absolute():
        raise TokenError("the module must be given by its absolute path")
    if not Path(path).is_file():
        raise TokenError("the module is not there: is the token's software installed?")
    with _lock:
        process, module = _loaded.get(path, (None, None))
        if module is None:
            module = native(lambda: pkcs11.lib(path), "it was loaded; is it a PKCS#11 module?")
        if process != os.getpid():  # a child must initialize for itself, says PKCS#11
            _initialize(path)
            _loaded[path] = (os.getpid(), module)
        return module


def _initialize(path: str) -> None:
    functions = ctypes.CDLL(path)  # the same library: loaded twice, it is there once
    functions.C_Finalize(None)
    arguments = _InitializeArguments(flags=_OS_LOCKING_OK)
    if functions.C_Initialize(ctypes.byref(arguments)) != _OK:
        raise TokenError("the module cannot be used by threads")
