"""Safe primes for made-up issuer keys, so that no test has to search for them.

A prime p is safe if (p - 1) / 2 is also prime. These primes were made by
`openssl prime -generate -safe`. They are public, so a key made of them protects nothing.
"""

from collections.abc import Mapping

__all__ = ["SAFE_PRIMES"]


def _pair(p: str, q: str) -> tuple[int, int]:
    return int(p, 16), int(q, 16)


SAFE_PRIMES: Mapping[int, tuple[tuple[int, int], ...]] = {
    1024: (
        _pair(
            "c6021062ec68f6fd895d23af82128493f2064be31649966a680da414c5af8c114fb4c96ac177922e"
            "1817040922d86be875040a96086d37921239d3d1a35dc127",
            "f8a0a673e7d0b220cd32eb46a9bb06cd80b2e1d45609e06ed01a28de047c75cd5fbcccbca5f2e833"
            "f8361c4d070c6eb31bfd56247b2d99d3cbe0fc30bab7460b",
        ),
        _pair(
            "f82b629e47f041e51d4ffe044a307ed7ec77c071b3625945da681ee8ff9060460b07fb694e2583e1"
            "c7bb4948860522638b62f552b55940a3a7fd37919494151b",
            "f6df0d62841a49172db71087ae6c92050dc999c133a470944635cd5b0ad61bf60a55d5adb6a29d1d"
            "25e80798ae9b0bec9728388858e1356a3401d2972b727b83",
        ),
        _pair(
            "c4f6cc6702f6a67e7619379e3ea8e461a4dab44d03ee2b1bdafc504e3950ffe8c64c0cbdd0bda556"
            "01718c4627ed6c41db134aef1a0955cb15cb46f85e194c13",
            "f0bdde6db9ba53a987d41c26affaa13ee00d9a07dfacac21d117d2ec389129f5cf7fa1cf3060dcdc"
            "8adde26a9c7a443e2164e0c23f5b838f3932d53187ae5a9b",
        ),
    ),
    2048: (
        _pair(
            "ceb961b4a911452ca1753e4c5336a381101c6fbe616a587e01a7354f730a54117e998ff42396e043"
            "6ad3ab352d1269f755a5f8db2b2586d86ce1cd6b8fece3ae9f5f47cabe5ef071c4ab4186c5fe3bde"
            "86d00a5bf2474069ee4c8b3cd6a392a375020d7b4b6c2253c9cb73a587c40c4b3e2278fcfa0628f6"
            "7977d95336609ef7",
            "d1c69db6777f5eada7833088def914083b07fe3bc2b6d25bd05f77eda8d5a60a341303970154d1da"
            "67f5b590ade8b2c8ebc06c90d1305554e983174616dcf619f2396f212855d6bc583bcaf9e87a76db"
            "ad34bc4fce9079257fd49ee6e1a03fa78d1176aabec57d5489279d1effea639cab5f5af68b6cb9df"
            "a2e682f6d34f53fb",
        ),
        _pair(
            "eb55659a4994711c9ed56c996e5becfa196d7dae863fe8684342961b84397b990b64dc31affda6fb"
            "1c00fbb7a4e2cd6c1c979db18777de413d92eb44afe3970132fbb1a19321def61a31b39b06168410"
            "13c068dd8d3f14305cc83686853b18344c2c65d0768cd1640739a6da71fec0a70eb86abafc8de2ce"
            "801251ff62e36a7b",
            "f1f31796bcafd397614b0707a1f95f56d5add45bc137fb298e69a8c0aa3ef3971fec1ea81f7728ab"
            "37595d906931c110c6baee1a75c0223df71c421ebb3633921e07d8cacf3a9cf20c7cbc756bcd164d"
            "9a615dfafaf7759b4bf82ff25bf5e18f5eb02afafcaad824f1d1c01c08a36053a980f9604bd8480a"
            "cd03dbec3d20c7eb",
        ),
    ),
    4096: (
        _pair(
            "f34b132170eff9dba2561ce7cf80b3c3a1224fc714adf12781969f24da5ee8d5e7574eb71affd369"
            "d64f2112d1ebb169c1091f1b614867c7da29757536d30869fa8e9185ba3676d0e634428ad7ab9f6b"
            "8af49ff1ef6a75c4e12d634e4f340ceaee65a3fea69c09e962f42df67fa42cfab0bdeb4f280bd6b2"
            "774febcca34ca12ace3f360a6cedda0029d817c655dd49ea73e2a34adb002e7d6e1393a8ff8ce49f"
            "6b054edbb7ac20b446a5a7d4a85ccca554ddb522e63642a297062ea3e6929d155cea45d563dcf84c"
            "20231931865c2282412b0a34eb14a25763fbe3543b22765002b3355a8ea88e323f7a4e86ab532907"
            "381e583b1fa95e23f84f7b2e378e749b",
            "e3151e1be9b4f6ddcde1458099905081b4b9e5415f04321e8245f6b39ef8420f53e5edbd4c55105d"
            "efe9a4be01eb05e2fab2e9940aece22480eaa84f56ccf1e9bf6a04e654ebb62b7b754a23e84b110b"
            "a2819ceea078cb24e41f38e5b0af5e7d0e83dc580f6316799f2c8243ae191566110e181d7e093d13"
            "8c981b4749179fc0e3f50ce2e4b9acbd73dc9f1da3851ed5ea4a2d88d5b907f7501dbd692204052f"
            "bd139c4d6dc10f0ae29cf55a8a35e314014cbe15d26d119a582f6300a85899070791159504fd19af"
            "72e092548d37b41960eb51b1e4fe28faf3409e48a5a198395326a8f78a0f681c66151cd52e1ee003"
            "a3ea67d7a2306d201d21350742430fdf",
        ),
    ),
}
"""Pairs of primes, by the length in bits of the modulus. Each pair makes one key."""
