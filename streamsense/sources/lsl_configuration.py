"""How this process takes part in LSL: session, resolve scope and peers, told to liblsl before its first use."""

from __future__ import annotations

import re
from collections.abc import Sequence

from streamsense.errors import ConfigError

SCOPES = ("machine", "link", "site", "organization", "global")
IPV6_MODES = ("allow", "disable", "force")
DEFAULT_SESSION_ID = "default"
"""liblsl's own name for the session of a process that names none."""
_PORT_RANGE = 128
"""Each outlet on a machine takes a port, and on the machine itself streams are found by asking all ports of the range:
with liblsl's own 32, the 33rd outlet of a machine is not found."""

_MACHINE_ADDRESSES = "{127.0.0.1, 224.0.0.183, 239.255.172.215}"
"""At scope `machine` liblsl asks 127.0.0.1 alone, where only one program answers. These are the groups in which every
outlet listens anyway; at this scope liblsl gives its questions no hop (time to live 0), so they stay on the machine."""

_NAME = re.compile(r"[A-Za-z0-9._:-]{1,128}")  # nothing that could end a line or a set of liblsl's INI text
_applied: list[str] = []  # the text that liblsl was given in this process; it reads one only, once


def configuration_text(
    session_id: str | None, scope: str = "machine", known_peers: Sequence[str] = (), ipv6: str = "disable"
) -> str:
    """The INI text of these settings. Raises ConfigError for a value that liblsl does not take."""
    if scope not in SCOPES:
        raise ConfigError(f"the LSL resolve scope is {scope!r}; expected one of {', '.join(SCOPES)}")
    if ipv6 not in IPV6_MODES:
        raise ConfigError(f"the LSL setting ipv6 is {ipv6!r}; expected one of {', '.join(IPV6_MODES)}")
    session_id = DEFAULT_SESSION_ID if session_id is None else session_id
    for what, name in (("session id", session_id), *(("known peer", peer) for peer in known_peers)):
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"the LSL {what} is {name!r}; expected 1 to 128 letters, digits and signs out of '.', '_', '-' and ':'"
            )
    peers = "{" + ", ".join(known_peers) + "}"
    return (
        f"[ports]\nIPv6 = {ipv6}\nPortRange = {_PORT_RANGE}\n"
        f"[multicast]\nResolveScope = {scope}\nMachineAddresses = {_MACHINE_ADDRESSES}\n"
        f"[lab]\nSessionID = {session_id}\nKnownPeers = {peers}\n"
        "[log]\nlevel = -3\n"  # liblsl writes to the terminal that the scores scroll in; what matters is in our notices
    )


def configure(
    session_id: str | None, scope: str = "machine", known_peers: Sequence[str] = (), ipv6: str = "disable"
) -> None:
    """Give liblsl these settings; call it before anything else of LSL, the same again does nothing.

    liblsl reads its settings once in a process, at its first use, so other settings than before raise
    ConfigError. No call here can tell whether LSL was used before the first one.
    """
    text = configuration_text(session_id, scope, known_peers, ipv6)
    if text in _applied:
        return
    if _applied:
        raise ConfigError(
            "LSL is already configured in this process and reads its settings only once.\n"
            f"Applied before:\n{_applied[0]}Asked for now:\n{text}"
            "Use one `lsl:` section for the whole process, or start another process."
        )
    import pylsl

    pylsl.set_config_content(text)
    _applied.append(text)
