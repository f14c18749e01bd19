"""Rows that break a claim of the tables about the chain, each by one value."""

from __future__ import annotations

from tests.places import wallet

HASH = "0x" + "a" * 64
JOB = {"challenge_id": "2"}
CLAIM = {
    "challenge_id": "2", "subject": wallet("ada"), "claim_type": "principal", "source": "ui",
    "reported": "{}",
}  # fmt: skip
MINT = {
    "token_id": "1", "challenge_id": "2", "recipient": wallet("ada"),
    "achievement_type": "completion",
}  # fmt: skip


def job(**changes: str) -> str:
    """Its INSERT."""
    return _insert("aivm_jobs", JOB | changes)


def claim(**changes: str) -> str:
    """Its INSERT."""
    return _insert("claims", CLAIM | changes)


def mint(**changes: str) -> str:
    """Its INSERT."""
    return _insert("achievement_mints", MINT | changes)


def _insert(table: str, values: dict[str, str]) -> str:
    texts = ", ".join(f"'{value}'" for value in values.values())
    return f"insert into public.{table} ({', '.join(values)}) values ({texts})"


BROKEN = {
    "challenges_content_hash_is_bytes32": _insert("challenges", {"id": "2", "content_hash": "0x1"}),
    "challenges_on_a_chain_have_a_content_hash": _insert("challenges", {"id": "2"}),
    "challenges_contract_is_lower_case_hex": _insert(
        "challenges", {"id": "2", "content_hash": HASH, "contract_address": "0x1"}
    ),
    "challenges_on_a_chain_name_their_contract": _insert(
        "challenges", {"id": "2", "content_hash": HASH}
    ),
    # The guards of moves speak before these.
    "challenges_registry_status_is_known": None,
    "aivm_jobs_status_is_known": None,
    "aivm_jobs_done_have_a_result": None,
    "aivm_jobs_attempts_are_natural": job(attempts="-1"),
    "aivm_jobs_worker_is_lower_case_hex": job(worker_address="0xABC"),
    "aivm_jobs_task_is_bytes32": job(task_id="0x1"),
    "aivm_jobs_prompt_hash_is_bytes32": job(prompt_hash="0x1"),
    "aivm_jobs_result_hash_is_bytes32": job(result_hash="0x1"),
    "aivm_jobs_attestations_are_natural": job(attestations="-1"),
    "claims_subject_is_lower_case_hex": claim(subject="ada"),
    "claims_type_is_known": claim(claim_type="jackpot"),
    "wei_is_uint256": claim(amount_wei="NaN"),
    "claims_hash_is_hex": claim(tx_hash="0x1"),
    "claims_source_is_known": claim(source="rumour"),
    "claims_of_the_indexer_have_a_log": claim(source="indexer"),
    "claims_of_the_ui_are_reported": _insert(
        "claims", {key: value for key, value in CLAIM.items() if key != "reported"}
    ),
    "claims_of_the_treasury_name_a_transaction": claim(claim_type="treasury_eth"),
    "achievement_mints_recipient_is_lower_case_hex": mint(recipient="ada"),
    "achievement_mints_type_is_known": mint(achievement_type="honour"),
    "achievement_mints_hash_is_hex": mint(tx_hash="0x1"),
    "reputation_subject_is_lower_case_hex": _insert("reputation", {"subject": "ada"}),
    "reputation_counts_are_natural": _insert(
        "reputation", {"subject": wallet("ada"), "points": "-1"}
    ),
}

TWICE = (
    (job(), "aivm_jobs_one_per_challenge"),
    (claim(), "claims_challenge_subject_type_uq"),
    (
        claim(
            claim_type="treasury_eth",
            source="indexer",
            block_number="1",
            log_index="1",
            tx_hash=HASH,
        ),
        "claims_treasury_one_per_log",
    ),
    (claim(claim_type="treasury_eth", tx_hash=HASH), "claims_treasury_one_per_report"),
    (mint(), "achievement_mints_one_per_token"),
)
