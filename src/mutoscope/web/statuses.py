"""The HTTP status of each refusal, by its code: the one table that the API answers by.

A code stands once, in the order of the alphabet. Those of 500 are of the command line and of
starting up: met inside a request they are a failure of ours, and told as `unexpected`.
"""

from collections.abc import Mapping
from typing import Final

_CODES: Final[Mapping[int, str]] = {
    400: """
        bad_cursor bad_limit idempotency_key_missing instant_out_of_reach malformed
        naive_instant payment_event_refused too_far_ahead
    """,
    401: """
        bad_sign_in bad_staff_token bad_view_token not_authorised staff_needed
    """,
    402: """
        cap_exceeded insufficient_credits
    """,
    403: """
        call_back_refused link_expired link_forged may_not_spend not_allowed not_entitled
        not_for_staff not_local not_reauthenticated not_verified not_your_proposal outside_view
        purchases_not_agreed purchases_not_enabled role_cannot second_person_needed
        sign_ups_closed temporary_password trial_taken view_is_read_only
    """,
    404: """
        asset_missing no_reason no_such_route no_version_in_force unknown_alert unknown_asset
        unknown_cap unknown_chat_message unknown_delivery unknown_desk_action unknown_dispute
        unknown_endpoint unknown_entry unknown_export unknown_frame unknown_gateway
        unknown_invitation
        unknown_invoice unknown_job unknown_member unknown_message unknown_output unknown_part
        unknown_payment unknown_project unknown_promo_code unknown_proposal unknown_purchase
        unknown_quote unknown_reference unknown_refill unknown_refund unknown_request
        unknown_route unknown_scene unknown_staff unknown_thread unknown_wallet unknown_words
        unknown_workspace
    """,
    405: """
        method_not_allowed
    """,
    409: """
        admin_exists agreed_with_support already_done already_member already_redeemed
        already_refunded already_scheduled already_subscribed credit_exceeds_invoice
        credits_held demo_workspace dispute_at_gateway dispute_finished dispute_known
        export_is_final frame_not_final frame_not_made
        gateway_missing goodwill_spent hold_already_settled
        invitation_over job_is_final last_admin last_owner message_under_way no_address
        no_clip_wanted no_mail_server no_method_kept no_plan not_an_invoice not_at_provider
        not_in_doubt not_in_this_state not_parked not_to_be_agreed nothing_lacking
        nothing_captured nothing_changes nothing_scheduled nothing_to_pay nothing_to_refund
        nothing_to_regenerate payment_disputed payment_does_not_fit payment_known
        payment_of_another period_began period_granted plan_is_free promo_over promo_taken
        proposal_decided purchase_not_in_this_state purchases_unchanged quota_exceeded quote_expired
        quote_outdated refund_at_gateway refund_exceeds_unspent refund_finished
        route_cannot route_not_parked
        staff_name_taken state_moved_on team_full
        too_many_endpoints too_many_threads tool_unavailable workspace_closed
        workspace_open
    """,
    413: """
        body_too_large
    """,
    415: """
        not_json
    """,
    422: """
        allowance_not_agreed anchor_out_of_reach bad_adjustment bad_amount bad_attribution
        bad_billing_details bad_board_ratio bad_catalog bad_code bad_country bad_days bad_desk_data
        bad_duration bad_email bad_event_type bad_export bad_final_draft bad_hold_span
        bad_image_count bad_key bad_lasting bad_month bad_name bad_promo bad_ratio bad_reason
        bad_reference bad_replay_span bad_resolution bad_span bad_staff bad_start bad_tax_id
        bad_text bad_webhook_address bad_workspace board_full budget_too_small capture_exceeds_hold
        clip_unreadable deadline_passed empty_prompt empty_screenplay font_missing key_reused
        message_empty message_too_long namespace_taken no_adjustments no_such_frame no_such_version
        no_tool_fits not_a_picture not_an_upgrade not_confirmed not_for_sale not_requests
        not_started nothing_to_export nothing_to_invoice pack_of_another_kind paid_reference
        period_out_of_reach picture_animated picture_too_large picture_too_small picture_truncated
        price_not_agreed prompt_too_long purchase_too_small refill_too_small refund_exceeds_capture
        refund_too_small replay_too_long screenplay_file_too_large screenplay_not_text
        screenplay_too_long source_needed too_many_attachments tool_makes_no_clip
        transaction_missing unknown_encoding unknown_kind unknown_pack unknown_plan unknown_tool
        unknown_version unknown_zone
    """,
    429: """
        renewal_under_way replay_under_way too_many_sign_ups too_many_streams too_many_tries
    """,
    500: """
        archive_exists archive_unreadable archive_unwritable asset_damaged bad_account bad_bucket
        bad_mail_server bad_routes bad_seller bad_service_account bad_setting bench_books_wrong
        catalog_unreadable checkpoints_unreadable data_unwritable database_failed database_refused
        demo_running embedded_postgres export_failed file_unreadable folder_foreign
        folder_not_a_demo folder_of_another_version folder_unusable folder_unwritable journal_broken
        ledger_broken not_signed_in out_unwritable password_needed password_unreadable
        pgbench_failed port_in_use port_taken postgres_account_missing postgres_missing
        postgres_program_failed postgres_program_missing postgres_programs_unreachable
        postgres_too_old renewal_ahead renewal_interrupted system_failed target_not_empty
        target_unwritable unexpected unusable_key
    """,
    502: """
        gateway_failed
    """,
    503: """
        assets_unreachable assets_unwritable clock_went_back database_unreachable disk_full
        export_unwritable gateway_away journal_closed ledger_busy server_failed
    """,
}

STATUSES: Final[Mapping[str, int]] = {
    code: status for status, codes in _CODES.items() for code in codes.split()
}
"""The status of each code."""
