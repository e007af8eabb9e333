"""Every adapter, against its provider's simulator: what must hold whatever the provider does."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from mutoscope.app.ports import CancelRule, ErrorCode, ProviderError, Reconcile, RenderState
from provider_stage import OPEN, PLAYS, Play, Stage, impatient, listening, simulators, staged

REFUSALS = {
    "bad_input": ErrorCode.BAD_INPUT,
    "auth": ErrorCode.AUTH,
    "insufficient_funds": ErrorCode.INSUFFICIENT_FUNDS,
    "rate_limited": ErrorCode.RATE_LIMITED,
    "concurrency": ErrorCode.CONCURRENCY,
    "retired_model": ErrorCode.RETIRED_MODEL,
}
DOUBTS = (
    "http500_on_create_but_task_created",
    "http500_on_create_nothing_created",
    "drop_connection_after_accept",
    "create_answers_no_json",
    "hang",
)
FAILURES = {
    "failed": ErrorCode.PROVIDER_FAILED,
    "expired_output_url": ErrorCode.OUTPUT_LOST,
    "broken_file": ErrorCode.PROVIDER_FAILED,
    "wrong_content_type": ErrorCode.PROVIDER_FAILED,
}


@pytest.fixture(scope="session")
async def address() -> AsyncIterator[str]:
    async with simulators() as address:
        yield address


@pytest.fixture(params=PLAYS, ids=lambda play: play.name)
async def stage(
    request: pytest.FixtureRequest, address: str, tmp_path: Path
) -> AsyncIterator[Stage]:
    async with staged(play=request.param, address=address, folder=tmp_path) as stage:
        yield stage


def skip_unless_played(play: Play, fault: str) -> None:
    if fault in play.skipped:
        pytest.skip(f"{play.name} knows no {fault}")


async def test_an_order_is_carried_out_measured_and_kept(stage: Stage) -> None:
    order = stage.order()

    render = await stage.carried_out(order)

    assert render.state is RenderState.SUCCEEDED
    (output,) = render.outputs
    assert output.path.is_file()
    assert (output.width > output.height) is (order.width > order.height)
    assert output.duration_s == pytest.approx(order.duration_s, abs=0.05)
    assert render.cost_micros == stage.play.micros == await stage.charged()
    assert await stage.creations() == 1


@pytest.mark.parametrize("nobodys", ["bogus", "11111111-1111-4111-8111-111111111111"])
async def test_an_id_of_nobodys_is_told_as_lost(stage: Stage, nobodys: str) -> None:
    try:
        render = await stage.asked(stage.order(), nobodys)
        told = render.failure.code if render.failure else render.state
    except ProviderError as error:
        told = error.code

    assert told in {ErrorCode.OUTPUT_LOST, RenderState.LOST}


async def test_a_repeated_order_sends_nothing_and_returns_the_first_answer(stage: Stage) -> None:
    order = stage.order()

    first = await stage.generator.submit(order=order)
    again = await stage.generator.submit(order=order)

    assert again == first
    assert await stage.generator.find(job_id=order.job_id) == first.provider_job_id
    assert await stage.creations() == 1


@pytest.mark.parametrize("fault", REFUSALS)
async def test_a_refused_order_says_why_and_costs_nothing(stage: Stage, fault: str) -> None:
    skip_unless_played(stage.play, fault)
    expected = stage.play.codes.get(fault, REFUSALS[fault])

    with pytest.raises(ProviderError) as caught:
        await stage.generator.submit(order=stage.order(fault))

    assert caught.value.code == expected
    assert await stage.generator.find(job_id=uuid4()) is None
    assert (await stage.creations(), await stage.charged()) == (1, 0)


@pytest.mark.parametrize("fault", DOUBTS)
async def test_a_doubtful_order_is_sent_once_and_said_to_be_doubtful(
    stage: Stage, fault: str, tmp_path: Path
) -> None:
    skip_unless_played(stage.play, fault)
    hasty = impatient(stage.play)

    async with staged(play=hasty, address=stage.address, folder=tmp_path) as hurried:
        with pytest.raises(ProviderError) as caught:
            await hurried.generator.submit(order=hurried.order(fault))

    assert caught.value.code == stage.play.codes.get(fault, ErrorCode.SUBMIT_UNKNOWN)
    assert not caught.value.permanent
    assert await stage.creations() == 1


async def test_an_order_that_never_left_is_not_created(stage: Stage, tmp_path: Path) -> None:
    async with staged(
        play=stage.play, address=stage.address, folder=tmp_path, reach="http://127.0.0.1:9"
    ) as cut_off:
        with pytest.raises(ProviderError) as caught:
            await cut_off.generator.submit(order=cut_off.order())

    assert caught.value.code == ErrorCode.NOT_CREATED
    assert await stage.creations() == 0


@pytest.mark.parametrize("fault", FAILURES)
async def test_what_was_not_delivered_whole_is_no_success(stage: Stage, fault: str) -> None:
    skip_unless_played(stage.play, fault)
    expected = stage.play.codes.get(fault, FAILURES[fault])

    render = await stage.carried_out(stage.order(fault))

    assert render.state is RenderState.FAILED
    assert render.failure is not None
    assert render.failure.code == expected
    assert render.cost_micros == await stage.charged()
    assert await stage.creations() == 1


@pytest.mark.parametrize("fault", ["moderated_input", "moderated_output"])
async def test_moderated_work_is_named_so_and_booked_as_billed(stage: Stage, fault: str) -> None:
    skip_unless_played(stage.play, fault)

    try:
        render = await stage.carried_out(stage.order(fault))
    except ProviderError as error:
        code, cost = error.code, error.cost_micros
    else:
        assert render.failure is not None
        code, cost = render.failure.code, render.cost_micros

    assert code == ErrorCode.MODERATED
    assert (cost or 0) == await stage.charged() in (0, stage.play.moderated_micros)


@pytest.mark.parametrize(
    "fault", ["slow", "expired_output_url_once", "unknown_status_string", "http500_on_poll:2"]
)
async def test_trouble_that_passes_costs_nothing_but_time(stage: Stage, fault: str) -> None:
    skip_unless_played(stage.play, fault)

    render = await stage.carried_out(stage.order(fault))

    assert render.state is RenderState.SUCCEEDED
    assert await stage.creations() == 1


async def test_a_transfer_that_breaks_off_may_be_tried_again(stage: Stage) -> None:
    skip_unless_played(stage.play, "truncated_download")

    with pytest.raises(ProviderError) as caught:
        await stage.carried_out(stage.order("truncated_download"))

    assert caught.value.code == ErrorCode.TRANSIENT
    assert not [*stage.folder.glob("jobs/*/*.part")]


async def test_a_redirect_into_the_house_is_not_followed(stage: Stage) -> None:
    skip_unless_played(stage.play, "redirect_to_private_address")

    render = await stage.carried_out(stage.order("redirect_to_private_address"))

    assert render.failure is not None
    assert (render.state, render.failure.code) == (RenderState.FAILED, ErrorCode.PROVIDER_FAILED)
    assert "an address that is refused" in render.failure.sentence


async def test_work_that_never_ends_is_still_running(stage: Stage) -> None:
    skip_unless_played(stage.play, "never_finishes")

    render = await stage.carried_out(stage.order("never_finishes"))

    assert render.state is RenderState.RUNNING


async def test_cancelled_work_is_confirmed_only_where_it_is_free(stage: Stage) -> None:
    skip_unless_played(stage.play, "cancel")
    order = stage.order()
    rule = stage.generator.capabilities(model=order.model).cancel
    submitted = await stage.generator.submit(order=order)

    is_stopped = await stage.generator.cancel(provider_job_id=submitted.provider_job_id)

    assert is_stopped is (rule is not CancelRule.NONE)
    assert (await stage.charged() == 0) is is_stopped


async def test_work_that_runs_is_not_cancelled_where_it_would_be_charged(stage: Stage) -> None:
    skip_unless_played(stage.play, "cancel")
    order = stage.order()
    if stage.generator.capabilities(model=order.model).cancel is not CancelRule.QUEUED_ONLY:
        pytest.skip("another rule")
    submitted = await stage.generator.submit(order=order)
    for _ in range(2):
        await stage.asked(order, submitted.provider_job_id)

    assert not await stage.generator.cancel(provider_job_id=submitted.provider_job_id)
    assert (await stage.carried_out(order)).state is RenderState.SUCCEEDED


async def test_lost_work_is_found_by_our_own_id_where_the_provider_can(stage: Stage) -> None:
    order = stage.order("http500_on_create_but_task_created")
    able = stage.generator.capabilities(model=order.model)
    with pytest.raises(ProviderError):
        await stage.generator.submit(order=order)

    found = await stage.generator.find(job_id=order.job_id)

    assert (found is not None) is (able.reconcile is Reconcile.BY_ID)


async def test_the_id_that_the_provider_shows_is_enough_to_follow_an_order(stage: Stage) -> None:
    order = stage.order()
    form = stage.generator.capabilities(model=order.model).id_form
    if not form:
        pytest.skip("what its answer brings is all that there is")
    ours = (await stage.generator.submit(order=order)).provider_job_id
    shown = ours.removeprefix("interactions/").partition("#")[0]

    render = await stage.asked(stage.order(), form.format(id=shown, micros=stage.play.micros))

    assert render.state in {*OPEN, RenderState.SUCCEEDED}


CALL_BACKS = {"ok": 1, "duplicate_webhook": 2, "webhook_before_create_response": 1}


@pytest.mark.parametrize("fault", CALL_BACKS)
async def test_a_call_back_names_the_work_that_ended(stage: Stage, fault: str) -> None:
    async with listening() as listener:
        order = stage.order(fault, callback_url=listener.url)
        if not stage.generator.capabilities(model=order.model).has_webhook:
            pytest.skip("it never calls back")
        submitted = await stage.generator.submit(order=order)
        await listener.until(CALL_BACKS[fault])

    named = {await stage.read(headers, body) for headers, body in listener.heard}
    assert named == {submitted.provider_job_id.partition("#")[0]}


async def test_a_forged_call_back_is_refused(stage: Stage) -> None:
    skip_unless_played(stage.play, "webhook_bad_signature")
    async with listening() as listener:
        order = stage.order("webhook_bad_signature", callback_url=listener.url)
        if not stage.generator.capabilities(model=order.model).has_webhook:
            pytest.skip("it never calls back")
        await stage.generator.submit(order=order)
        await listener.until(1)

    with pytest.raises(ProviderError):
        await stage.read(*listener.heard[0])


async def test_the_funds_are_told_and_shrink_with_what_is_charged(stage: Stage) -> None:
    skip_unless_played(stage.play, "funds")
    before = await stage.generator.funds()

    await stage.carried_out(stage.order())

    after = await stage.generator.funds()
    assert after.sentence.endswith(" (simulator)")
    if before.micros is not None and after.micros is not None:
        assert before.micros - after.micros == stage.play.micros
