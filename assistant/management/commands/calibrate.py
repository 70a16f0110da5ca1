"""``manage.py calibrate``: propose new weights and thresholds from a site's own verdicts."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from assistant.refitting import OUT_OF_SCOPE, propose_calibration
from assistant.verdicts import Kind
from conversations.models import Site
from core.errors import SupportError


class Command(BaseCommand):
    """Stores a proposal; only a manager's click in the admin makes it count."""

    help = "Refit the confidence on a site's verdicts and show what would change."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("site", help="the site's key")
        parser.add_argument(
            "--target", type=_share, help="share of answers that may be wrong (the site's own)"
        )
        parser.add_argument(
            "--out-of-scope",
            type=_share,
            default=OUT_OF_SCOPE,
            help="assumed share of questions that no article answers (%(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Propose, and print the comparison."""
        site = Site.objects.filter(key=options["site"]).first()
        if site is None:
            raise CommandError(f"there is no site {options['site']}")
        try:
            proposal = propose_calibration(
                site, target=options["target"], out_of_scope=options["out_of_scope"]
            )
        except SupportError as error:
            raise CommandError(error.detail) from error
        for line in _lines(proposal.curves):
            self.stdout.write(line)
        self.stdout.write(
            f"Proposal {proposal.pk} is stored. Nothing changes until a manager uses it: "
            f"/admin/assistant/calibration/{proposal.pk}/change/"
        )


def _share(text: str) -> float:
    """Read a share between 0 and 1, both excluded."""
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise ArgumentTypeError(f"{text} is no share between 0 and 1")
    return share


def _lines(curves: dict[str, Any]) -> list[str]:
    verdicts = [
        f"  {row['count']:5} {Kind(row['kind']).label} "
        f"({'confirmed' if row['is_confirmed'] else 'assumed'}, counts {row['weight']:g})"
        for row in curves["verdicts"]
    ]
    topics = [
        f"  topic {name}: threshold {row['threshold']:.3f}, answered {row['coverage']:.1%}, "
        f"wrong {row['risk']:.1%} ({row['verdicts']} verdicts)"
        for name, row in curves["topics"].items()
    ]
    return [
        f"Target {curves['target']:.1%} wrong, {curves['out_of_scope']:.0%} out of scope.",
        "Verdicts:",
        *verdicts,
        f"  {curves['reference']:5} questions that come with the product",
        *(_comparison(name, curves[name]) for name in ("before", "after")),
        *topics,
    ]


def _comparison(name: str, row: dict[str, Any]) -> str:
    answered, wrong = row["coverage_interval"], row["risk_interval"]
    return (
        f"{name.title()}: threshold {row['threshold']:.3f}, "
        f"answered {row['coverage']:.1%} ({answered[0]:.1%} to {answered[1]:.1%}), "
        f"wrong {row['risk']:.1%} ({wrong[0]:.1%} to {wrong[1]:.1%}), "
        f"AUROC {row['auroc']:.3f}, calibration error {row['error']:.3f}"
    )
