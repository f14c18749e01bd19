"""What `agon doctor` says of the queue."""

from __future__ import annotations

from datetime import timedelta

from agon.kernel import clock, doctor


async def test_a_job_is_late_by_the_clock_of_the_queue(place):
    await place.owner.execute("select agon.enqueue('tests.wait', '{}', 'one')")
    await place.set_clock(clock.now() + timedelta(days=1))
    assert (await doctor.check_jobs(place.runtime)).state == "ok"
    await place.owner.execute("update agon.pgqueuer set execute_after = now() - interval '1 hour'")
    finding = await doctor.check_jobs(place.runtime)
    assert (finding.state, "tests.wait" in finding.text) == ("wrong", True)
