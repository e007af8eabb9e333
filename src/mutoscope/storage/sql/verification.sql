-- What a verification reads: every table of the ledger as one stream each, in the order of its key,
-- so that the streams are merged wallet by wallet and no wallet is ever held in memory whole.
-- Instants beyond the calendar (only a forger writes them) are read as its last or first one: the
-- hash and the replay then differ, and the reading goes on.

-- name: wallets
-- What each wallet claims of its journal.
SELECT
    workspace_id, kind, sequence, head, available, held,
    least(greatest(due_at, '0001-01-01 00:00:00+00'), '9999-12-31 23:59:59.999999+00') AS due_at,
    least(greatest(posted_at, '0001-01-01 00:00:00+00'), '9999-12-31 23:59:59.999999+00')
        AS posted_at,
    CASE
        WHEN wake_at IS NOT NULL
            THEN
                least(
                    greatest(wake_at, '0001-01-01 00:00:00+00'), '9999-12-31 23:59:59.999999+00'
                )
    END AS wake_at,
    version, drawn_lot, drawn_available, drawn_held, drawn_captured, placed_hold,
    placed_deadline_at
FROM wallets
WHERE workspace_id BETWEEN :first AND :last
ORDER BY workspace_id, kind;

-- name: lines
-- The canonical line of each entry (domain/journal.py), for the chain alone. An absent field is a
-- dash; a field that only looks absent is left empty here, so that its hash breaks.
SELECT
    e.workspace_id, e.kind, e.sequence, e.hash, e.lot_source IS NOT NULL AS has_terms,
    concat_ws(
        ' ', '1', e.workspace_id, e.kind, e.sequence, e.operation, e.namespace, e.key,
        encode(e.digest, 'hex'), trunc(extract(EPOCH FROM e.due_at) * 1000000),
        trunc(extract(EPOCH FROM e.posted_at) * 1000000), coalesce(e.refers_to::text, '-'),
        CASE e.reason WHEN '-' THEN '' ELSE coalesce(e.reason, '-') END, e.available, e.held,
        coalesce(e.member_id::text, '-'), coalesce(e.project_id::text, '-'),
        coalesce(e.api_key_id::text, '-'), coalesce(encode(e.note_digest, 'hex'), '-'),
        coalesce(nullif(concat_ws(
            ',',
            CASE WHEN num_nonnulls(
                e.first_source, e.first_target, e.first_lot, e.first_amount
            ) > 0 THEN concat(
                e.first_source, '>', e.first_target, ':', coalesce(e.first_lot::text, '-'), ':',
                e.first_amount
            ) END,
            CASE WHEN num_nonnulls(
                e.second_source, e.second_target, e.second_lot, e.second_amount
            ) > 0 THEN concat(
                e.second_source, '>', e.second_target, ':', coalesce(e.second_lot::text, '-'),
                ':', e.second_amount
            ) END,
            p.moves
        ), ''), '-'),
        CASE WHEN num_nonnulls(
            e.lot_source, e.lot_effective_at, e.lot_expires_at, e.lot_reference,
            e.lot_paid_amount, e.lot_currency
        ) > 0 THEN concat_ws(
            ' ', e.lot_source,
            CASE e.lot_reference WHEN '-' THEN '' ELSE coalesce(e.lot_reference, '-') END,
            trunc(extract(EPOCH FROM e.lot_effective_at) * 1000000),
            coalesce(trunc(extract(EPOCH FROM e.lot_expires_at) * 1000000)::text, '-'),
            CASE
                WHEN num_nonnulls(e.lot_paid_amount, e.lot_currency) = 0 THEN '-'
                ELSE concat(e.lot_paid_amount, ':', e.lot_currency)
            END
        ) END
    ) AS line
FROM entries AS e
LEFT JOIN (
    SELECT
        workspace_id, kind, sequence,
        string_agg(
            concat(source, '>', target, ':', coalesce(lot::text, '-'), ':', amount),
            ',' ORDER BY ordinal
        ) AS moves
    FROM further_postings
    WHERE workspace_id BETWEEN :first AND :last
    GROUP BY workspace_id, kind, sequence
) AS p ON e.workspace_id = p.workspace_id AND e.kind = p.kind AND e.sequence = p.sequence
WHERE e.workspace_id BETWEEN :first AND :last
ORDER BY e.workspace_id, e.kind, e.sequence;

-- name: entries
-- The journal's lines.
SELECT
    workspace_id, kind, sequence, operation, namespace, key, digest,
    least(greatest(due_at, '0001-01-01 00:00:00+00'), '9999-12-31 23:59:59.999999+00') AS due_at,
    least(greatest(posted_at, '0001-01-01 00:00:00+00'), '9999-12-31 23:59:59.999999+00')
        AS posted_at,
    refers_to, reason, available, held, member_id, project_id, api_key_id, note_digest, hash,
    first_source, first_target, first_lot, first_amount,
    second_source, second_target, second_lot, second_amount,
    lot_source,
    CASE
        WHEN lot_effective_at IS NOT NULL
            THEN
                least(
                    greatest(lot_effective_at, '0001-01-01 00:00:00+00'),
                    '9999-12-31 23:59:59.999999+00'
                )
    END AS lot_effective_at,
    CASE
        WHEN lot_expires_at IS NOT NULL
            THEN
                least(
                    greatest(lot_expires_at, '0001-01-01 00:00:00+00'),
                    '9999-12-31 23:59:59.999999+00'
                )
    END AS lot_expires_at,
    lot_reference, lot_paid_amount, lot_currency
FROM entries
WHERE workspace_id BETWEEN :first AND :last
ORDER BY workspace_id, kind, sequence;

-- name: further_postings
-- What moved in each entry beside its first two postings.
SELECT workspace_id, kind, sequence, ordinal, source, target, lot, amount
FROM further_postings
WHERE workspace_id BETWEEN :first AND :last
ORDER BY workspace_id, kind, sequence, ordinal;

-- name: lots
-- What the projections say of each lot: its own row, and its wallet's of the lot drawn from.
SELECT
    workspace_id, kind, lot, source, reference,
    least(greatest(effective_at, '0001-01-01 00:00:00+00'), '9999-12-31 23:59:59.999999+00')
        AS effective_at,
    CASE
        WHEN expires_at IS NOT NULL
            THEN
                least(
                    greatest(expires_at, '0001-01-01 00:00:00+00'),
                    '9999-12-31 23:59:59.999999+00'
                )
    END AS expires_at,
    paid_amount, currency, state, granted, available, frozen, held, captured, expired, voided,
    forfeited
FROM lots
WHERE workspace_id BETWEEN :first AND :last
ORDER BY workspace_id, kind, lot;

-- name: holds
-- Which holds are open, in a wallet's row or one of its own; their deadlines move and are no part
-- of the journal.
SELECT
    workspace_id, kind, sequence,
    least(greatest(deadline_at, '0001-01-01 00:00:00+00'), '9999-12-31 23:59:59.999999+00')
        AS deadline_at
FROM holds
WHERE workspace_id BETWEEN :first AND :last
ORDER BY workspace_id, kind, sequence;

-- name: entry_notes
-- Who acted and why, where it was not erased.
SELECT workspace_id, kind, sequence, salt, actor, note
FROM entry_notes
WHERE workspace_id BETWEEN :first AND :last
ORDER BY workspace_id, kind, sequence;

-- name: refunds
-- Which entries are refunded later: the replay remembers the captures of these alone.
SELECT workspace_id, kind, coalesce(refers_to, 0) AS refers_to
FROM entries
WHERE operation = 'refund' AND workspace_id BETWEEN :first AND :last
ORDER BY workspace_id, kind, entries.refers_to;

-- name: kinds_in_order
-- The order of kinds is the database's: streams are merged by it.
SELECT k.kind
FROM unnest(:kinds::text[]) AS k (kind)
ORDER BY k.kind;

-- name: repeated_keys
-- A key is unique for ever: asked anew, since an index can be dropped.
SELECT workspace_id, namespace, key, max(kind) AS kind, max(sequence) AS sequence
FROM entries
WHERE workspace_id BETWEEN :first AND :last
GROUP BY workspace_id, namespace, key
HAVING count(*) > 1
ORDER BY workspace_id, namespace, key
LIMIT 1000;
