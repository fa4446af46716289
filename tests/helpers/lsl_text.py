"""What a program that knows nothing of streamsense tells liblsl, so that it meets the session under test.

A machine on which tests run at the same time has many outlets, so ports and addresses are those of streamsense itself
(streamsense/sources/lsl_configuration.py says why).
"""

from __future__ import annotations


def lsl_text(session_id: str) -> str:
    """The INI text for `pylsl.set_config_content`, or for the file that LSLAPICFG names."""
    return (
        "[ports]\nIPv6 = disable\nPortRange = 128\n"
        "[multicast]\nResolveScope = machine\nMachineAddresses = {127.0.0.1, 224.0.0.183, 239.255.172.215}\n"
        f"[lab]\nSessionID = {session_id}\n[log]\nlevel = -3\n"
    )
