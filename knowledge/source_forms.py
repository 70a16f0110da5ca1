"""The forms that sources are made and changed with."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_STORED, ZipFile

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import MaxValueValidator, MinValueValidator

from core.errors import SupportError
from core.fetching import parse_url
from knowledge.forms import AUDIENCES
from knowledge.locales import locale_choices
from knowledge.models import Audience, Source

if TYPE_CHECKING:
    File = UploadedFile[Any]

MAX_UPLOAD_BYTES = 20_000_000
MAX_FILES = 500
A_YEAR = 8_760
ACCEPTED = ".md,.markdown,.html,.htm,.pdf,.docx,.csv,.zip"
WEBSITE_HELP = (
    "A page; or an address that ends in / for all pages below it that the site's sitemap names; "
    "or a sitemap itself."
)


class FilesInput(forms.ClearableFileInput):
    """Lets several files be chosen."""

    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Several files, together within one bound."""

    widget = FilesInput

    def clean(self, data: Any, initial: Any = None) -> "list[File]":
        """Return the files; refuse too many, too large ones, and an archive among others."""
        # No file at all comes as an empty list, which the base class would not miss.
        given = (data or [None]) if isinstance(data, list) else [data]
        files = [file for file in (super(FilesField, self).clean(one) for one in given) if file]
        if sum(file.size or 0 for file in files) > MAX_UPLOAD_BYTES:
            raise forms.ValidationError(f"Together they are over {MAX_UPLOAD_BYTES:,} bytes.")
        if len(files) > MAX_FILES:
            raise forms.ValidationError(f"More than {MAX_FILES} files at once.")
        if len(files) > 1 and any(_ending(file) == ".zip" for file in files):
            raise forms.ValidationError("Give an archive (.zip) by itself.")
        return files


def pack_files(files: "Sequence[File]") -> tuple[bytes, str]:
    """Return the one file with its name, or an archive of several."""
    if len(files) == 1:
        return files[0].read(), (files[0].name or "file")[-255:]
    out = BytesIO()
    with ZipFile(out, "w", ZIP_STORED) as archive:
        for file in files:
            archive.writestr(_free_name(archive, PurePosixPath(file.name or "file")), file.read())
    return out.getvalue(), f"{len(files)} files.zip"


class SourceForm(forms.ModelForm):  # type: ignore[type-arg] # not generic when it runs
    """What all sources have; ``kind`` is set by the subclasses that make new ones."""

    kind: str = ""
    locale = forms.ChoiceField(
        label="Language", choices=locale_choices, required=False, help_text="Of the articles."
    )
    audience = forms.ChoiceField(
        choices=AUDIENCES,
        initial=Audience.PUBLIC,
        widget=forms.RadioSelect,
        help_text="An article that is internal already stays so.",
    )

    class Meta:
        model = Source
        fields = ["site", "location", "locale", "audience", "recrawl_hours"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer the site's language first; whoever may only read gets no fields."""
        super().__init__(*args, **kwargs)
        if self.kind:
            self.instance.kind = self.kind
        locale = self.fields.get("locale")
        if isinstance(locale, forms.ChoiceField):
            locale.choices = [("", "The site's"), *locale_choices(self.instance.locale)]
        if "recrawl_hours" in self.fields:
            self.fields["recrawl_hours"] = _hours_field()

    def clean(self) -> dict[str, Any]:
        """Refuse a place that the site has already."""
        cleaned = super().clean() or {}
        place = {"site": cleaned.get("site"), "location": cleaned.get("location")}
        if all(place.values()) and Source.objects.filter(kind=self.kind, **place).exists():
            self.add_error("location", "The site has this source already.")
        return cleaned


class WebsiteForm(SourceForm):
    """A new website."""

    kind = Source.Kind.WEBSITE
    location = forms.CharField(
        label="Address",
        max_length=500,
        widget=forms.URLInput(attrs={"class": "vURLField"}),
        help_text=WEBSITE_HELP,
    )

    def clean_location(self) -> str:
        """Return the address in the form that it is known by."""
        try:
            return str(parse_url(self.cleaned_data["location"]))
        except SupportError as error:
            raise forms.ValidationError(error.detail) from error


class UploadForm(SourceForm):
    """A new set of uploaded files."""

    kind = Source.Kind.UPLOAD
    location = forms.CharField(
        label="Name", max_length=200, help_text="What you find these files under later."
    )
    uploads = FilesField(
        label="Files",
        help_text="Markdown, HTML, PDF, Word (.docx), CSV with the columns question and answer, "
        "or a ZIP of these. 20 MB at most.",
        widget=FilesInput(attrs={"accept": ACCEPTED}),
    )


class UploadAgainForm(SourceForm):
    """More files, or newer ones, for the same set."""

    uploads = FilesField(
        label="Upload again",
        required=False,
        help_text="Articles of files with the same names are changed, the others stay.",
        widget=FilesInput(attrs={"accept": ACCEPTED}),
    )


def _hours_field() -> forms.IntegerField:
    return forms.IntegerField(
        label="Read again each",
        required=False,
        validators=[MinValueValidator(1), MaxValueValidator(A_YEAR)],
        help_text="hours. Empty: never by itself.",
    )


def _ending(file: "File") -> str:
    return PurePosixPath(file.name or "").suffix.casefold()


def _free_name(archive: ZipFile, name: PurePosixPath) -> str:
    """Return ``name``, numbered where two files are called so."""
    taken = set(archive.namelist())
    numbered = (f"{name.stem}-{number}{name.suffix}" for number in range(2, len(taken) + 3))
    return next(one for one in (name.name, *numbered) if one not in taken)
