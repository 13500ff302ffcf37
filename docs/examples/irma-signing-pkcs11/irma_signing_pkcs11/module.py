"""Load PKCS#11 modules, which are shared libraries, and initialize them for use by threads.

python-pkcs11 (0.10) calls `C_Initialize(NULL)`, which promises that only one thread calls at a time
(PKCS#11 2.40, section 5.4). Modules then use no locks, and SoftHSM fails with `GeneralError` when
two threads call. python-pkcs11 has no option for this, so the module is finalized here and
initialized again with `CKF_OS_LOCKING_OK`.
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
    """`CK_C_INITIALIZE_ARGS`: four mutex functions (null for the system's own), flags, reserved."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("create", "destroy", "lock", "unlock")),
        ("flags", ctypes.c_ulong),
        ("reserved", ctypes.c_void_p),
    )


def load_module(path: str) -> Module:
    """Return a module. A process loads each module only once.

    Args:
        path: The absolute path. The environment would decide where a bare name is found.

    Raises:
        TokenError: There is no module at the path, or threads cannot use it.
    """
    if not Path(path).is_absolute():
        raise TokenError("the module must be given by its absolute path")
    if not Path(path).is_file():
        raise TokenError("there is no file at the module's path: install the token's software")
    with _lock:
        process, module = _loaded.get(path, (None, None))
        if module is None:
            module = native(lambda: pkcs11.lib(path), "loading (is it a PKCS#11 module?)")
        if process != os.getpid():  # PKCS#11: a child process must initialize again
            _initialize(path)
            _loaded[path] = (os.getpid(), module)
        return module


def _initialize(path: str) -> None:
    functions = ctypes.CDLL(path)  # the loader returns the library that is already loaded
    functions.C_Finalize(None)
    arguments = _InitializeArguments(flags=_OS_LOCKING_OK)
    if functions.C_Initialize(ctypes.byref(arguments)) != _OK:
        raise TokenError("the module must support threads")
