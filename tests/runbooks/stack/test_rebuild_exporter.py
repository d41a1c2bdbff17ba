from __future__ import annotations

import json
from dataclasses import replace

import pytest

from opsbook.errors import CommandFailed, Interrupted, Refused, UsageError
from opsbook.host import Result
from opsbook.shell import Command
from tests.fake import a_run
from tests.runbooks.fake_stack import EXPORTER, SMALL, FakeStack
from tests.runbooks.stack_site import Site

SAVED = "example/queue-exporter:opsbook-before-261121-0105-k3fq"
NEW = "sha256:queue-exporter-2"
METRICS = Result(200, "queue_depth 1\nqueue_exporter_up 1\n")


def targets(health: str = "up", scraped: str = "2026-01-01T00:00:00Z") -> Result:
    one = {"labels": {"job": EXPORTER, "instance": "q:9200"}, "scrapePool": EXPORTER, "health": health, "lastError": ""}
    return Result(200, json.dumps({"data": {"activeTargets": [{**one, "lastScrape": scraped, "scrapeUrl": "http://q:9200/metrics"}]}}))


def site(context: str = "2", *, plan: bool = False) -> Site:
    here = FakeStack(context=context)
    here.answers |= {f"{EXPORTER} /metrics": METRICS, "prometheus /api/v1/targets": targets()}
    return Site("rebuild-exporter", {"exporter": EXPORTER, "as_is": True}, here, run=a_run(plan=plan))


def test_the_old_image_is_saved_the_new_one_built_and_only_then_swapped_in() -> None:
    made = site().steps()
    assert made.changes == [
        f"tag the image as {SAVED}",
        "build queue-exporter",
        "let the host bring up queue exporter if we vanish",
        "bring up queue-exporter",
        "the host need no longer bring up queue exporter if we vanish",
    ]
    assert made.here.images[SAVED] == "sha256:queue-exporter-1"
    assert made.here.containers[EXPORTER]["Image"] == NEW
    assert made.false() == {}


def test_an_unchanged_build_replaces_nothing() -> None:
    made = site("1").steps()
    assert (made.changes, made.false()) == ([], {})
    assert "is what runs already" in made.said


def test_the_candidate_leaves_no_image_behind() -> None:
    assert not [name for name in site().steps().here.images if "candidate" in name]


def test_the_candidate_goes_when_the_operator_stops_the_build() -> None:
    made = site()

    class Stopped(FakeStack):
        """Its builds end with the operator's Ctrl-C."""

        def run(self, command: Command, stdin: str | None, within: float) -> Result:
            result = super().run(command, stdin, within)
            if any("candidate" in name for name in self.images):
                made.guard.interrupted = Interrupted("Ctrl-C")
            return result

    made.here = Stopped(context="2", answers=made.here.answers)
    with pytest.raises(Interrupted):
        made.steps()
    assert not [name for name in made.here.images if "candidate" in name]


def test_a_build_that_fails_is_told_before_anything_is_touched() -> None:
    made = site()
    made.here.fails["/.env queue-exporter"] = Result(65, "step 1\nCOPY failed: no such file\n")
    with pytest.raises(Refused, match="COPY failed"):
        made.steps()
    assert made.changes == []


def test_a_plan_shows_the_build_and_runs_none() -> None:
    made = site(plan=True).steps()
    assert (made.changes, made.here.builds) == ([], 0)
    said = made.said.splitlines()
    (at,) = [number for number, line in enumerate(said) if line.startswith("then: build queue-exporter beside")]
    assert f"tag the image as {SAVED}" in said[at:]
    assert "bring up queue-exporter" in said[at:]
    assert site().steps().here.builds == 1


def test_an_exporter_whose_work_cannot_be_proven_is_a_matter_of_usage() -> None:
    made = site()
    made.here.stack = replace(SMALL, services=tuple(replace(one, job=None) for one in SMALL.services))
    with pytest.raises(UsageError, match="cannot be proven"):
        made.steps()


def test_without_prometheus_nothing_is_begun() -> None:
    made = site()
    del made.here.containers["prometheus"]
    with pytest.raises(CommandFailed):
        made.steps()
    assert made.changes == []


def test_the_undo_gives_name_and_container_back_to_the_image_from_before() -> None:
    made = site().steps().undo()
    assert made.here.images["example/queue-exporter:1"] == "sha256:queue-exporter-1"
    assert made.here.containers[EXPORTER]["Image"] == "sha256:queue-exporter-1"
    assert made.false(undone=True) == {}


def test_the_undo_of_a_build_that_was_never_swapped_in_touches_no_container() -> None:
    made = site()
    made.here.fails["up --detach"] = Result(1, "", "no")
    with pytest.raises(CommandFailed):
        made.steps()
    before = made.here.containers[EXPORTER]["Id"]
    made.undo()
    assert made.here.images["example/queue-exporter:1"] == "sha256:queue-exporter-1"
    assert made.here.containers[EXPORTER]["Id"] == before


def test_the_undo_refuses_where_somebody_has_rebuilt_since() -> None:
    made = site().steps()
    made.here.containers[EXPORTER]["Image"] = "sha256:theirs"
    before = list(made.changes)
    with pytest.raises(Refused, match="rebuilt since by somebody else"):
        made.undo()
    assert made.changes == before


def test_an_exporter_that_was_broken_before_need_not_be_well_after_the_undo() -> None:
    made = site()
    made.here.answers[f"{EXPORTER} /metrics"] = Result(200, "nothing 1\n")
    made.steps().undo()
    assert made.false(undone=True) == {}


def test_a_resumed_run_keeps_the_first_image_for_the_undo() -> None:
    made = site().steps()
    made.steps()
    assert made.run.kept["image_before"] == "sha256:queue-exporter-1"
    assert made.false() == {}


def test_images_of_earlier_runs_are_named_and_never_removed() -> None:
    made = site()
    made.here.images["example/queue-exporter:opsbook-before-260101-0000-aaaa"] = "sha256:old"
    made.steps()
    assert "docker image rm example/queue-exporter:opsbook-before-260101-0000-aaaa" in made.said
    assert made.here.images["example/queue-exporter:opsbook-before-260101-0000-aaaa"] == "sha256:old"


def test_each_proof_is_red_when_its_effect_is_missing() -> None:
    made = site().steps()
    made.here.answers[f"{EXPORTER} /metrics"] = Result(200, "queue_exporter_up 1\n")
    made.here.answers["prometheus /api/v1/targets"] = targets("down")
    made.here.containers["loki"] = made.here.made("loki", made.here.now)
    made.here.containers[EXPORTER]["State"]["Health"]["Status"] = "unhealthy"
    assert set(made.false()) == {"offers_its_metrics", "is_scraped", "others_are_untouched", "is_healthy"}
    made.here.answers["prometheus /api/v1/targets"] = targets(scraped="2001-01-01T00:00:00Z")
    assert made.false()["is_scraped"].saw == "q:9200 was not scraped since the start"
    made.here.images["example/queue-exporter:1"] = "sha256:another"
    assert "runs_the_built_image" in made.false()
    made.here.containers[EXPORTER]["State"]["Status"] = "restarting"
    assert "does_not_restart" in made.false()


def test_a_commit_cannot_be_named_for_what_is_on_disk() -> None:
    with pytest.raises(ValueError, match="--as-is"):
        Site("rebuild-exporter", {"exporter": EXPORTER, "as_is": True, "ref": "main"}).given  # noqa: B018
