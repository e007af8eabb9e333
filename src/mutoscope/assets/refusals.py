"""What an asset store refuses: each reason is one class, whatever the store is made of."""

from mutoscope.domain.credits import Refusal


class AssetsUnwritable(Refusal):
    """The asset store takes no file: it is full, away, or not ours to write."""

    code = "assets_unwritable"

    def __init__(self, *, place: str, reason: str) -> None:
        super().__init__(
            f"{place} takes no file ({reason}): free space, correct its owner or reach it again, "
            "then repeat"
        )
        self.place = place


class AssetsUnreachable(Refusal):
    """The asset store gives no file just now."""

    code = "assets_unreachable"

    def __init__(self, *, place: str, reason: str) -> None:
        super().__init__(
            f"{place} does not answer ({reason}): correct MUTOSCOPE_ASSETS and its options, or wait"
        )
        self.place = place


class AssetMissing(Refusal):
    """A digest of which the store has no file."""

    code = "asset_missing"

    def __init__(self, *, digest: bytes) -> None:
        super().__init__(f"the asset {digest.hex()} is not in the store: restore it from a backup")
        self.digest = digest


class AssetDamaged(Refusal):
    """A file whose content is not what its name promises."""

    code = "asset_damaged"

    def __init__(self, *, digest: bytes) -> None:
        super().__init__(
            f"the asset {digest.hex()} was changed in the store: restore it from a backup"
        )
        self.digest = digest
