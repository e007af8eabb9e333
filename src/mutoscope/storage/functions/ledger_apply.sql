-- Writes a plan with a constant number of statements, whatever the number of requests. This is the
-- only place where entries and postings are written: credits move here. A plan made from a wallet
-- that has moved on since fails whole, by the wallet's version. An entry without an instant is
-- posted at written_at. Rows are found by a lateral look-up in the primary key, so that a plan made
-- on small tables stays right on large ones.
CREATE OR REPLACE FUNCTION ledger_apply(
    moved integer, written_at timestamptz, woken_wallets woken_wallet[],
    new_entries written_entry[], further_moves further_postings[],
    new_lots opened_lot[], moved_lots lot_move[],
    new_holds stored_holds[], renewed_holds stored_holds[], closed_holds stored_holds[],
    new_standing standing_grants[], advanced_standing advanced_grant[]
) RETURNS void LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_memoize = off
AS $$
DECLARE
    written bigint;
BEGIN
    UPDATE wallets AS w
    SET sequence = n.sequence, head = n.hash, available = n.available, held = n.held,
        due_at = coalesce(n.due_at, n.posted_at, written_at),
        posted_at = coalesce(n.posted_at, written_at), wake_at = n.wake_at,
        version = n.version, drawn_lot = n.drawn_lot, drawn_available = n.drawn_available,
        drawn_held = n.drawn_held, drawn_captured = n.drawn_captured,
        placed_hold = n.placed_hold, placed_deadline_at = n.placed_deadline_at
    FROM unnest(new_entries) AS n
    CROSS JOIN LATERAL (
        SELECT x.ctid AS place FROM wallets AS x
        WHERE
            x.workspace_id = n.workspace_id AND x.kind = n.kind AND x.version = n.version - 1
        LIMIT 1
    ) AS f
    WHERE n.version IS NOT NULL AND w.ctid = f.place;
    GET DIAGNOSTICS written = ROW_COUNT;
    IF written <> moved THEN
        RAISE EXCEPTION 'a wallet has moved on since it was read' USING ERRCODE = '40001';
    END IF;

    IF cardinality(woken_wallets) > 0 THEN
        UPDATE wallets AS w
        SET posted_at = n.posted_at, wake_at = n.wake_at, version = n.version,
            placed_hold = n.placed_hold, placed_deadline_at = n.placed_deadline_at
        FROM unnest(woken_wallets) AS n
        CROSS JOIN LATERAL (
            SELECT x.ctid AS place FROM wallets AS x
            WHERE
                x.workspace_id = n.workspace_id AND x.kind = n.kind AND x.version = n.version - 1
            LIMIT 1
        ) AS f
        WHERE w.ctid = f.place;
        GET DIAGNOSTICS written = ROW_COUNT;
        IF written <> cardinality(woken_wallets) THEN
            RAISE EXCEPTION 'a wallet has moved on since it was read' USING ERRCODE = '40001';
        END IF;
    END IF;

    INSERT INTO entries (
        workspace_id, kind, sequence, operation, namespace, key, digest, due_at, posted_at,
        refers_to, reason, available, held, member_id, project_id, api_key_id, note_digest, hash,
        first_source, first_target, first_lot, first_amount,
        second_source, second_target, second_lot, second_amount,
        lot_source, lot_effective_at, lot_expires_at, lot_reference, lot_paid_amount, lot_currency
    )
    SELECT
        e.workspace_id, e.kind, e.sequence, e.operation, e.namespace, e.key, e.digest,
        coalesce(e.due_at, e.posted_at, written_at), coalesce(e.posted_at, written_at), e.refers_to, e.reason, e.available, e.held,
        e.member_id, e.project_id, e.api_key_id, e.note_digest, e.hash,
        e.first_source, e.first_target, e.first_lot, e.first_amount,
        e.second_source, e.second_target, e.second_lot, e.second_amount,
        (e.terms).source, (e.terms).effective_at, (e.terms).expires_at, (e.terms).reference,
        (e.terms).paid_amount, (e.terms).currency
    FROM unnest(new_entries) AS e;

    IF cardinality(further_moves) > 0 THEN
        INSERT INTO further_postings (
            workspace_id, kind, sequence, ordinal, source, target, lot, amount
        )
        SELECT p.workspace_id, p.kind, p.sequence, p.ordinal, p.source, p.target, p.lot, p.amount
        FROM unnest(further_moves) AS p;
    END IF;

    IF cardinality(moved_lots) > 0 THEN
        UPDATE stored_lots AS l
        SET expires_at = n.expires_at, state = n.state, available = n.available,
            frozen = n.frozen, held = n.held, captured = n.captured, expired = n.expired,
            voided = n.voided, forfeited = n.forfeited
        FROM unnest(moved_lots) AS n
        CROSS JOIN LATERAL (
            SELECT x.ctid AS place FROM stored_lots AS x
            WHERE x.workspace_id = n.workspace_id AND x.kind = n.kind AND x.lot = n.lot
            LIMIT 1
        ) AS f
        WHERE l.ctid = f.place;
        GET DIAGNOSTICS written = ROW_COUNT;
        ASSERT written = cardinality(moved_lots), 'a lot vanished';
    END IF;

    IF cardinality(new_lots) > 0 THEN
        INSERT INTO stored_lots (
            workspace_id, kind, lot, source, reference, effective_at, expires_at, paid_amount,
            currency, state, granted, available, frozen, held, captured, expired, voided, forfeited
        )
        SELECT
            l.workspace_id, l.kind, l.lot, l.source, l.reference, l.effective_at, l.expires_at,
            l.paid_amount, l.currency, l.state, l.granted, l.available, l.frozen, l.held,
            l.captured, l.expired, l.voided, l.forfeited
        FROM unnest(new_lots) AS l;
    END IF;

    IF cardinality(new_holds) > 0 THEN
        INSERT INTO stored_holds (workspace_id, kind, sequence, deadline_at)
        SELECT h.workspace_id, h.kind, h.sequence, h.deadline_at FROM unnest(new_holds) AS h;
    END IF;

    IF cardinality(renewed_holds) > 0 THEN
        UPDATE stored_holds AS h
        SET deadline_at = n.deadline_at
        FROM unnest(renewed_holds) AS n
        CROSS JOIN LATERAL (
            SELECT x.ctid AS place FROM stored_holds AS x
            WHERE
                x.workspace_id = n.workspace_id AND x.kind = n.kind AND x.sequence = n.sequence
            LIMIT 1
        ) AS f
        WHERE h.ctid = f.place;
        GET DIAGNOSTICS written = ROW_COUNT;
        ASSERT written = cardinality(renewed_holds), 'a hold vanished';
    END IF;

    IF cardinality(closed_holds) > 0 THEN
        DELETE FROM stored_holds WHERE ctid = ANY (ARRAY(
            SELECT f.ctid
            FROM unnest(closed_holds) AS n
            CROSS JOIN LATERAL (
                SELECT h.ctid FROM stored_holds AS h
                WHERE
                    h.workspace_id = n.workspace_id AND h.kind = n.kind
                    AND h.sequence = n.sequence
                LIMIT 1
            ) AS f
        ));
        GET DIAGNOSTICS written = ROW_COUNT;
        ASSERT written = cardinality(closed_holds), 'a hold was closed twice';
    END IF;

    IF cardinality(new_standing) > 0 THEN
        INSERT INTO standing_grants (
            workspace_id, kind, subscription_id, amount, anchor_at, zone, next_index, change,
            ends_at, begins_at, first_index
        )
        SELECT
            n.workspace_id, n.kind, n.subscription_id, n.amount, n.anchor_at, n.zone,
            n.next_index, n.change, n.ends_at, n.begins_at, n.first_index
        FROM unnest(new_standing) AS n
        ON CONFLICT ON CONSTRAINT standing_grants_pkey DO UPDATE
        SET amount = excluded.amount, anchor_at = excluded.anchor_at, zone = excluded.zone,
            next_index = excluded.next_index, ends_at = excluded.ends_at,
            begins_at = excluded.begins_at;
    END IF;

    IF cardinality(advanced_standing) > 0 THEN
        UPDATE standing_grants AS s
        SET next_index = n.next_index
        FROM unnest(advanced_standing) AS n
        CROSS JOIN LATERAL (
            SELECT x.ctid AS place FROM standing_grants AS x
            WHERE
                x.workspace_id = n.workspace_id AND x.kind = n.kind
                AND x.subscription_id = n.subscription_id AND x.change = n.change
            LIMIT 1
        ) AS f
        WHERE s.ctid = f.place;
        GET DIAGNOSTICS written = ROW_COUNT;
        ASSERT written = cardinality(advanced_standing), 'a standing grant vanished';
    END IF;
END
$$;
