import pytest

from osteon.reporting.figures.charts import build_charts, cast
from osteon.reporting.figures.names import known, listed
from tests.reporting import chart_samples as made


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("smsdnet", "SMSDNet"),
        ("smsdnet_rgb", "SMSDNet, RGB"),
        ("densenet121", "DenseNet-121"),
        ("alexnet_bn", "AlexNet-BN"),
        ("alexnet_no_bn", "AlexNet, no BN"),
        ("alexnet_bn_holdout", "AlexNet-BN, hold-out"),
        ("pair_giant_cell_tumor", "one-class model, giant cell tumor"),
        ("googlenet_torchvision", "GoogLeNet, torchvision"),
        ("det_seq_age_published", "Det-Seq-Age, printed λ"),
        ("seq_n8", "Seq, N = 8"),
        ("seq_age", "Seq-Age"),
        ("resnet18_all", None),
        ("penn_no_pretraining", "PENN, no pretraining"),
        ("penn_conv", "PENN-conv"),
        ("d_tvnet", "D-TVNet"),
        ("vgg16", None),
    ],
)
def test_a_name_is_its_longest_known_beginning_and_the_rest(name: str, printed: str | None) -> None:
    assert known(name) == printed


def test_lists_are_read_aloud() -> None:
    assert [listed("a"), listed("ab"), listed("abc")] == ["a", "a and b", "a, b and c"]


def images_only() -> dict:
    metrics = made.metrics(["smsdnet", "smsdnet_rgb", "densenet"])
    metrics["settings"]["reference"] = "densenet"
    return metrics


def test_beside_images_alone_a_control_is_called_by_what_it_knows() -> None:
    assert cast(images_only()).label("control_clinical_gender_age") == "sex and age only"
    told = cast(made.metrics()).label("control_clinical_gender_age")
    assert told == "clinical only: gender + age"


def test_the_best_control_of_images_alone_may_be_age() -> None:
    metrics = images_only()
    del metrics["controls"]["learners"]["control_clinical_alp_ldh"]
    assert cast(metrics).control == "control_age"


def test_learners_of_images_alone_stand_in_one_chart_of_bars() -> None:
    charts = build_charts(images_only(), None, None, None)
    assert charts["bars"].x_labels == ("SMSDNet", "SMSDNet, RGB", "DenseNet")
    assert not [name for name in charts if name.startswith("bars_")]
    assert charts["bars"].title.endswith("by learner")


def test_a_named_headline_says_so_unless_the_rule_names_it_too() -> None:
    assert cast(images_only(), "smsdnet").why == "named before the run"
    assert cast(made.metrics(), "resnet18_all").why == "the learner with the most inputs"


def test_learners_of_no_family_share_one_chart_of_bars() -> None:
    charts = bars([*made.names(), "vgg16", "mine_small"])
    assert len(charts["bars"].x_labels) == 8
    assert charts["bars_others"].x_labels == ("vgg16", "mine: small")
    assert set(bars(["vgg16", "mine"])) & {"bars", "bars_others"} == {"bars"}


def bars(learners: list[str]) -> dict:
    return build_charts(made.metrics(learners), None, None, None)
