import json
import re
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteon.reporting.card.facts import ANSWERS
from osteon.reporting.card.human_input import MISSING, HumanInput, HumanInputError
from osteon.reporting.card.items import read_checklist
from osteon.reporting.card.model_card import CHECKLISTS, model_card, to_markdown
from osteon.reporting.cohort import cohort_tables
from osteon.reporting.run import run_facts
from tests.reporting.card_sample import (
    CANARY,
    certificate,
    flow,
    frames,
    metrics,
    missingness,
    record,
)

STATUS = re.compile(
    r"filled|human|MISSING: human input|not applicable: .+|not in this run: .+", re.DOTALL
)
FILLED_HUMAN = {name: f"said of {name}" for name in HumanInput.model_fields}


@cache
def tables() -> dict[str, Any]:
    made = frames()
    filled = missingness(made["patients"])
    return cohort_tables(**made, flow=flow(), missingness=filled, clinical={})


@cache
def run() -> dict[str, Any]:
    return run_facts(["kedro", "run"], {"resnet18_all": record()})


def parts(source: str = "phantom") -> dict[str, Any]:
    summary = {
        "methods": {"resnet18_all": {"grad_cam": {"verdict": "follows the weights"}}},
        "clinical": {},
    }
    return {
        "metrics": metrics(source),
        "certificate": certificate(),
        "ledger": {
            "title": "A paper",
            "statement": "Nothing is testable.",
            "protocol": [{"item": "folds", "printed": 5, "ours": 3, "differs": True}],
            "rows": [{"verdict": "not testable"}],
            "contradictions": [
                {"holds": False, "printed": 1.08},
                {"holds": False, "printed": None},
            ],
        },
        "cohort": tables(),
        "run": run(),
        "explanations": summary,
        "parameters": {"preprocessing": {"size": 64, "resize": "stretch"}},
        "artefacts": {"data/06_models/x/model.json": "a" * 64},
    }


def items(card: dict[str, Any]) -> list[dict[str, Any]]:
    lists = [one["items"] for one in card["checklists"].values()]
    return [line for lines in [card["sections"], *lists] for line in lines]


def line_of(card: dict[str, Any], checklist: str, item: str) -> dict[str, Any]:
    return next(o for o in card["checklists"][checklist]["items"] if o["item"] == item)


def test_claim_has_its_44_items_in_order() -> None:
    found = [item.item for item in read_checklist("claim_2024").items]
    assert found == [str(number) for number in range(1, 45)]


def test_tripod_has_its_27_items_and_52_with_sub_items_in_order() -> None:
    found = [item.item for item in read_checklist("tripod_ai").items]
    assert len(found) == len(set(found)) == 52
    numbers = [int(re.sub(r"\D", "", one)) for one in found]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(1, 28))


def test_every_human_key_and_every_answer_is_used_somewhere() -> None:
    all_items = [i for name in (*CHECKLISTS, "model_card") for i in read_checklist(name).items]
    assert {key for item in all_items for key in item.human} == set(HumanInput.model_fields)
    assert {item.run for item in all_items if item.run} >= set(ANSWERS) - {"numbers", "measures"}


@settings(max_examples=40, deadline=None)
@given(st.sets(st.sampled_from(sorted(parts()))), st.sampled_from(["phantom", "folder", "btxrd"]))
def test_every_item_has_exactly_one_status_whatever_is_absent(present: set, source: str) -> None:
    given_parts = {name: one for name, one in parts(source).items() if name in present}
    card = model_card("osteosarcoma_fusion", **given_parts)
    for line in items(card):
        assert STATUS.fullmatch(line["status"]), line
        assert bool(line["value"]) >= (line["status"] in ("filled", "human")), line
        assert line["from"] or line["status"] not in ("filled", "human"), line
    for checklist in card["checklists"].values():
        assert sum(checklist["counts"].values()) == len(checklist["items"])
    assert json.loads(json.dumps(card, allow_nan=False)) == card
    assert to_markdown(card).endswith("\n")


def test_nothing_is_filled_by_a_run_that_holds_nothing() -> None:
    card = model_card("osteosarcoma_fusion")
    claimed = [
        o["item"] for o in items(card) if o["status"] == "filled" and o["from"] != ["osteon"]
    ]
    assert claimed == []
    assert line_of(card, "claim_2024", "31")["status"] == "not in this run: explanations"


def test_what_is_read_from_a_dataset_is_named() -> None:
    card = model_card("osteosarcoma_fusion", **parts())
    assert line_of(card, "claim_2024", "20")["from"] == ["leak_certificate"]
    assert line_of(card, "tripod_ai", "20a")["from"] == ["cohort_tables"]
    assert line_of(card, "claim_2024", "37")["value"].count("0.800 (0.750 to 0.850)") == 2


def test_a_full_run_of_a_phantom_leaves_only_people_s_items_open() -> None:
    card = model_card("osteosarcoma_fusion", **parts())
    assert [o for o in items(card) if o["status"].startswith("not in this run")] == []
    assert {key for o in items(card) if o["status"] == MISSING for key in o["human_keys"]}
    done = model_card("osteosarcoma_fusion", **parts(), human=FILLED_HUMAN)
    assert [o for o in items(done) if o["status"] == MISSING] == []
    assert done["missing_human_input"] == []


@pytest.mark.parametrize("source", ["folder", "btxrd"])
def test_of_real_patients_a_run_does_not_claim_what_only_people_know(source: str) -> None:
    card = model_card("osteosarcoma_fusion", **parts(source))
    for item in ("7", "8", "11", "13", "14", "16", "17", "18", "21", "40", "43"):
        assert line_of(card, "claim_2024", item)["status"] == MISSING, item


@pytest.mark.parametrize("key", sorted(HumanInput.model_fields))
def test_a_person_s_words_reach_card_and_markdown(key: str) -> None:
    words = f"in our words: {key}"
    card = model_card("osteosarcoma_fusion", **parts("folder"), human={key: words})
    hits = [line for line in items(card) if words in line["value"]]
    assert hits and all(key in line["human_keys"] for line in hits)
    assert key not in card["missing_human_input"]
    assert words in to_markdown(card)


def test_two_keys_are_both_needed() -> None:
    card = model_card("x", human={"ethics_approval": "board 7"})
    line = line_of(card, "tripod_ai", "17")
    assert line["status"] == MISSING and "board 7" in line["value"]
    both = model_card("x", human={"ethics_approval": "board 7", "consent": "waived"})
    assert line_of(both, "tripod_ai", "17")["status"] == "human"


def test_a_person_may_say_that_an_item_does_not_apply() -> None:
    card = model_card("x", human={"registration": "not applicable: no trial"})
    assert line_of(card, "claim_2024", "34")["status"] == "not applicable: no trial"


def test_a_fixed_test_part_is_not_called_internal_or_external() -> None:
    fixed = {"certificate": certificate(folds=[0]), "cohort": tables() | {"parts_fixed": True}}
    card = model_card("x", **parts("folder") | fixed)
    assert line_of(card, "claim_2024", "33")["status"] == MISSING
    assert "fixed" in line_of(card, "claim_2024", "33")["value"]


def test_an_unknown_human_key_stops_the_card() -> None:
    with pytest.raises(HumanInputError, match="fundin"):
        model_card("x", human={"fundin": "none"})


def test_markdown_lists_what_is_missing_and_every_item() -> None:
    card = model_card("osteosarcoma_fusion", **parts("folder"))
    text = to_markdown(card)
    assert MISSING in text
    assert all(f"`{key}`" in text for key in card["missing_human_input"])
    for name in CHECKLISTS:
        for line in card["checklists"][name]["items"]:
            assert f"\n| {line['item']} | " in text
    for title in ("Intended use", "Out of scope", "Subgroups", "Limitations", "Artefacts"):
        assert f"\n## {title}" in text


def test_markdown_tables_stay_whole_whatever_a_person_writes() -> None:
    card = model_card("x", human={"funding": "a | b\n<script>c</script>"})
    text = to_markdown(card)
    assert "<script" not in text
    line = next(one for one in text.splitlines() if one.startswith("| 44 |"))
    assert len(re.findall(r"(?<!\\)\|", line)) == 6


def test_markdown_is_the_same_after_json() -> None:
    card = model_card("osteosarcoma_fusion", **parts())
    assert to_markdown(json.loads(json.dumps(card))) == to_markdown(card)


def test_no_identifier_of_the_cohort_gets_into_the_card() -> None:
    given_parts = parts("folder")
    check = {
        "statement": "no patient in two parts",
        "passed": False,
        "note": "",
        "pairs": [[CANARY]],
    }
    given_parts["certificate"] = certificate(passed=False, checks=[check])
    text = json.dumps(model_card("osteosarcoma_fusion", **given_parts))
    assert CANARY not in text
    assert not re.search(r"\b[PF][0-9a-f]{16}\b", text)
