"""Where credits may move: the accounts, and the permitted moves of each operation, as data.

Every move is from a source to a target. The accounts from `available` to `forfeited` are the places
where credits of a lot can be; `issued` is where they come from. Metered use runs from `unlimited`
over `metering` to `metered`, and absorbed use from `operator` to `absorbed`: both stand outside the
sum of the lots, since nobody was charged. `domain.ledger` builds the postings of these moves.
"""

from enum import StrEnum


class Account(StrEnum):
    """A place where credits can be."""

    ISSUED = "issued"
    AVAILABLE = "available"
    FROZEN = "frozen"
    HELD = "held"
    CAPTURED = "captured"
    EXPIRED = "expired"
    VOIDED = "voided"
    FORFEITED = "forfeited"
    UNLIMITED = "unlimited"
    METERING = "metering"
    METERED = "metered"
    OPERATOR = "operator"
    ABSORBED = "absorbed"


class Operation(StrEnum):
    """What an entry records."""

    GRANT = "grant"
    HOLD = "hold"
    SETTLE = "settle"
    RELEASE = "release"
    CHARGE = "charge"
    EXPIRE = "expire"
    VOID = "void"
    REFUND = "refund"
    ADJUST = "adjust"
    FREEZE = "freeze"
    THAW = "thaw"
    FORFEIT = "forfeit"
    METER = "meter"
    ABSORB = "absorb"


LOT_ACCOUNTS = (
    Account.AVAILABLE,
    Account.FROZEN,
    Account.HELD,
    Account.CAPTURED,
    Account.EXPIRED,
    Account.VOIDED,
    Account.FORFEITED,
)

ISSUED = Account.ISSUED.value
AVAILABLE = Account.AVAILABLE.value
FROZEN = Account.FROZEN.value
HELD = Account.HELD.value
CAPTURED = Account.CAPTURED.value
"""The busiest accounts as plain texts: to name an enumeration's member costs more than a sum."""

_ = Account
_GIVE_BACK = {(_.HELD, _.AVAILABLE), (_.HELD, _.FROZEN), (_.METERING, _.UNLIMITED)}

MOVES: dict[Operation, frozenset[tuple[Account, Account]]] = {
    Operation.GRANT: frozenset({(_.ISSUED, _.AVAILABLE), (_.ISSUED, _.FROZEN)}),
    Operation.HOLD: frozenset({(_.AVAILABLE, _.HELD), (_.UNLIMITED, _.METERING)}),
    Operation.SETTLE: frozenset({(_.HELD, _.CAPTURED), (_.METERING, _.METERED), *_GIVE_BACK}),
    Operation.RELEASE: frozenset(_GIVE_BACK),
    Operation.CHARGE: frozenset({(_.AVAILABLE, _.CAPTURED)}),
    Operation.EXPIRE: frozenset({(_.AVAILABLE, _.EXPIRED), (_.FROZEN, _.EXPIRED)}),
    Operation.VOID: frozenset({(_.AVAILABLE, _.VOIDED), (_.FROZEN, _.VOIDED)}),
    Operation.REFUND: frozenset({(_.CAPTURED, _.AVAILABLE), (_.CAPTURED, _.FROZEN)}),
    Operation.ADJUST: frozenset(
        {(_.ISSUED, _.AVAILABLE), (_.AVAILABLE, _.VOIDED), (_.FROZEN, _.VOIDED)}
    ),
    Operation.FREEZE: frozenset({(_.AVAILABLE, _.FROZEN)}),
    Operation.THAW: frozenset({(_.FROZEN, _.AVAILABLE)}),
    Operation.FORFEIT: frozenset({(_.AVAILABLE, _.FORFEITED), (_.FROZEN, _.FORFEITED)}),
    Operation.METER: frozenset({(_.UNLIMITED, _.METERED)}),
    Operation.ABSORB: frozenset({(_.OPERATOR, _.ABSORBED)}),
}
