"""The order of the report: which sections a page has, from the parts that are there."""

from osteon.reporting.page.blocks import Block, Figure, Section, Side, Text, section
from osteon.reporting.page.parts import View
from osteon.reporting.page.sections_calibration import calibration, subgroups, thresholds
from osteon.reporting.page.sections_claims import certificate, ledger, paper_tables, split_gap
from osteon.reporting.page.sections_classes import classes
from osteon.reporting.page.sections_cohort import cohort
from osteon.reporting.page.sections_controls import controls
from osteon.reporting.page.sections_explaining import explanations, learning
from osteon.reporting.page.sections_galleries import galleries
from osteon.reporting.page.sections_outlining import outlining, tests
from osteon.reporting.page.sections_preparation import preparation
from osteon.reporting.page.sections_results import discrimination, paired
from osteon.reporting.page.sections_run import glossary, reproduction, settings
from osteon.reporting.page.sections_strata import strata
from osteon.reporting.page.sections_summary import summary
from osteon.reporting.page.sections_tuning import tuning

ORDER = (
    summary,
    cohort,
    preparation,
    paper_tables,
    discrimination,
    outlining,
    classes,
    paired,
    tests,
    strata,
    controls,
    calibration,
    thresholds,
    subgroups,
    explanations,
    galleries,
    learning,
    tuning,
    split_gap,
    ledger,
    certificate,
    reproduction,
    settings,
    glossary,
)


def all_sections(view: View) -> list[Section]:
    """Sections with anything to show, in the order of the page; leftover charts come last but two.

    Every chart that was handed over is shown, also one that no section knows.
    """
    built = [build(view) for build in ORDER]
    used = {figure.name for one in built for block in one.blocks for figure in figures(block)}
    rest = {name: chart for name, chart in (view.parts.charts or {}).items() if name not in used}
    more = [Figure(name, chart, view.counts()) for name, chart in rest.items()]
    lead = Text("Charts of this run that belong to no section above.") if more else None
    built.insert(-3, section("figures", "Further figures", lead, *more))
    return [one for one in built if one.blocks]


def figures(block: Block) -> tuple[Figure, ...]:
    """The figures in a block."""
    if isinstance(block, Side):
        return block.figures
    return (block,) if isinstance(block, Figure) else ()
