"""Every CHECK and unique constraint of the system's tables, by its negative half."""

from __future__ import annotations

import asyncpg
import pytest

from tests.challenges import bindings_rows, chain_rows, invite_rows, rows
from tests.places import wallet

ADA = wallet("ada")
MODEL = (
    "insert into public.models (id, label, kind, judge, model_hash, verifier, binding, signals,"
    " params_schema, sources, file_accept) values ({})"
)
HASH, ADDRESS = f"'0x{'a' * 64}'", f"'0x{'b' * 40}'"


def model(**changes: str) -> str:
    values = {
        "id": "'m@1'", "label": "'M'", "kind": "'custom'", "judge": "'fitness'",
        "model_hash": HASH, "verifier": ADDRESS, "binding": "false", "signals": "'[]'",
        "params_schema": "'{}'", "sources": "'[]'", "file_accept": "'[]'", **changes,
    }  # fmt: skip
    return MODEL.format(", ".join(values.values()))


def template(**changes: str) -> str:
    values = {
        "id": "'t'", "name": "'T'", "kind": "'running'", "model_id": "'agon.fitness@1'",
        "fields_json": "'[]'", "rule_config": "'{}'", **changes,
    }  # fmt: skip
    return (
        f"insert into public.challenge_templates ({', '.join(values)})"
        f" values ({', '.join(values.values())})"
    )


def row(table: str, defaults: dict[str, str], **changes: str) -> str:
    values = {**defaults, **changes}
    return f"insert into public.{table} ({', '.join(values)}) values ({', '.join(values.values())})"


CHALLENGE = {"title": "'T'", "subject": f"'{ADA}'"}
PARTICIPANT = {"challenge_id": "1", "subject": f"'{ADA}'"}
EVIDENCE = {
    "challenge_id": "0", "subject": f"'{ADA}'", "provider": "'garmin'", "data": "'[]'",
    "evidence_hash": f"'{'0' * 64}'",
}  # fmt: skip
VERDICT = {
    "challenge_id": "1", "subject": f"'{ADA}'", "pass": "true", "reasons": "'{}'",
    "evidence_hash": "''", "evaluator": "'fitness'", "result_cid": f"'b{'a' * 58}'",
}  # fmt: skip
ACCOUNT = {"subject": f"'{ADA}'", "provider": "'strava'", "external_id": "'1'"}

BROKEN = {
    "models_kind_is_known": model(kind="'magic'"),
    "models_judge_is_known": model(judge="'coin'"),
    "models_hash_is_bytes32": model(model_hash="'0x1'"),
    "models_verifier_is_an_address": model(verifier="'0x1'"),
    "models_sources_are_an_array": model(sources="'{}'"),
    "models_file_accept_is_an_array": model(file_accept="'{}'"),
    "models_signals_are_an_array": model(signals="'{}'"),
    "models_params_schema_is_an_object": model(params_schema="'[]'"),
    "challenge_templates_kind_is_known": template(kind="'chess'"),
    "challenge_templates_fields_are_an_array": template(fields_json="'{}'"),
    "challenge_templates_rule_is_an_object": template(rule_config="'[]'"),
    "challenges_subject_is_lower_case_hex": row("challenges", CHALLENGE, subject="'0xABC'"),
    # The guard of moves speaks before this one, so it is tried on a column default.
    "challenges_status_is_known": None,
    "challenges_chain_outcome_is_known": row("challenges", CHALLENGE, chain_outcome="3"),
    "challenges_outcome_is_known": row(
        "challenges", CHALLENGE, outcome="0", outcome_source="'admin'"
    ),
    "challenges_outcome_names_its_source": row("challenges", CHALLENGE, outcome="1"),
    "challenges_outcome_source_is_known": row(
        "challenges", CHALLENGE, outcome="1", outcome_source="'chain'"
    ),
    "challenges_title_is_short": row("challenges", CHALLENGE, title="repeat('x', 201)"),
    "challenges_description_is_bounded": row(
        "challenges", CHALLENGE, description="repeat('x', 10001)"
    ),
    "challenges_timeline_runs_forward": row(
        "challenges", CHALLENGE, timeline="""'{"start": 2, "end": 1}'"""
    ),
    "participants_subject_is_lower_case_hex": row("participants", PARTICIPANT, subject="'ada'"),
    "participants_source_is_known": row("participants", PARTICIPANT, source="'rumour'"),
    "evidence_subject_is_lower_case_hex": row("evidence", EVIDENCE, subject="'ada'"),
    "evidence_provider_is_known": row("evidence", EVIDENCE, provider="'fax'"),
    "evidence_data_is_an_array": row("evidence", EVIDENCE, data="'{}'"),
    "evidence_hash_is_hex": row("evidence", EVIDENCE, evidence_hash="'x'"),
    "verdicts_subject_is_lower_case_hex": row("verdicts", VERDICT, subject="'ada'"),
    "verdicts_pass_without_reasons": row("verdicts", VERDICT, reasons="'{why}'"),
    "linked_accounts_subject_is_lower_case_hex": row("linked_accounts", ACCOUNT, subject="'ada'"),
    "linked_accounts_provider_is_known": row("linked_accounts", ACCOUNT, provider="'fax'"),
    "linked_accounts_games_need_an_id": row(
        "linked_accounts", ACCOUNT, provider="'riot'", external_id="null"
    ),
    "linked_accounts_external_id_is_short": row(
        "linked_accounts", ACCOUNT, external_id="repeat('9', 129)"
    ),
    "secret_is_sealed": row("linked_accounts", ACCOUNT, refresh_token="'sealed:v1:nearly'"),
    **bindings_rows.BROKEN,
    **chain_rows.BROKEN,
    **invite_rows.BROKEN,
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name, statement in BROKEN.items() if statement])
async def test_a_row_that_breaks_the_claim_is_refused(place, name):
    with pytest.raises(asyncpg.PostgresError) as error:
        await place.owner.execute(BROKEN[name])
    assert error.value.constraint_name == name


async def test_an_unknown_status_is_refused_twice(place):
    await place.owner.execute("alter table public.challenges disable trigger user")
    with pytest.raises(asyncpg.CheckViolationError, match="challenges_status_is_known"):
        await place.owner.execute(row("challenges", CHALLENGE, status="'won'"))


async def test_every_check_of_the_system_is_tried(place):
    checks = await place.owner.fetch(
        """
        select conname from pg_constraint
        where contype = 'c' and conrelid = any ($1::text[]::regclass[])
        """,
        list(rows.KINDS),
    )
    domains = {"wei_is_uint256", "secret_is_sealed"}
    assert {check["conname"] for check in checks} | domains == set(BROKEN)


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        (row("participants", PARTICIPANT), "participants_one_per_challenge"),
        (row("linked_accounts", ACCOUNT), "linked_accounts_one_per_provider"),
        *chain_rows.TWICE,
        *invite_rows.TWICE,
    ],
)
async def test_what_is_there_once_is_not_there_twice(place, statement, name):
    await place.owner.execute(statement)
    with pytest.raises(asyncpg.UniqueViolationError) as error:
        await place.owner.execute(statement)
    assert error.value.constraint_name == name


async def test_an_account_has_one_wallet(place):
    await place.owner.execute(row("linked_accounts", ACCOUNT))
    with pytest.raises(asyncpg.UniqueViolationError) as error:
        await place.owner.execute(row("linked_accounts", ACCOUNT, subject=f"'{wallet('bob')}'"))
    assert error.value.constraint_name == "linked_accounts_one_wallet_per_account"


async def test_a_verdict_stands_once_and_names_a_result(place):
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await place.owner.execute(row("verdicts", VERDICT))
    await place.owner.execute(
        f"insert into agon.results (cid, kind, version, bundle) values ('b{'a' * 58}', 'x', 1, '')"
    )
    await place.owner.execute(row("verdicts", VERDICT))
    with pytest.raises(asyncpg.UniqueViolationError) as error:
        await place.owner.execute(row("verdicts", VERDICT))
    assert error.value.constraint_name == "verdicts_one_per_participant"


@pytest.mark.parametrize(
    "statement", ["update public.evidence set data = '[]'", "truncate public.evidence"]
)
async def test_evidence_is_never_rewritten(place, statement):
    await place.owner.execute(row("evidence", EVIDENCE))
    with pytest.raises(asyncpg.PostgresError, match="only grows"):
        await place.owner.execute(statement)
