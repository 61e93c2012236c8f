from osteon.claims.published import read_published
from osteon.reporting.printed import printed_values


def test_the_late_fusion_paper_keeps_the_bars_of_its_table() -> None:
    published = read_published("osteosarcoma_fusion")
    names = {"accuracy": "accuracy", "precision": "precision", "recall": "sensitivity", "f1": "f1"}
    assert printed_values(published) == {
        f"resnet18_{inputs}": {
            "level": "image",
            "values": {names[name]: value for name, value in row.items()},
        }
        for inputs, row in published["table1_resnet18"].items()
    }


def test_per_cent_become_shares_at_the_level_that_the_paper_counts() -> None:
    found = printed_values(read_published("femoral_alexnet"))
    assert found["alexnet_bn"]["level"] == "patient"
    assert found["alexnet_bn"]["values"]["accuracy"] == 98.34 / 100
    assert found["googlenet"]["values"]["auroc"] == 0.688
    assert found["googlenet_holdout"] == found["googlenet"]


def test_the_first_claim_on_a_metric_counts_and_patterns_name_nobody() -> None:
    published = read_published("osteosarcoma_fusion")
    claims = {claim["id"]: claim for claim in published["claims"]}
    changed = published | {"claims": [claims["conclusion_accuracy"], claims["table1_resnet18"]]}
    assert printed_values(changed)["resnet18_all"]["values"]["accuracy"] == 0.9717
    only = published | {"claims": [claims["resnet50_best_accuracy"], claims["text_deltas"]]}
    assert printed_values(only) == {}
