"""Hashed static files whose ES modules import each other by their hashed names."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class ModuleStaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Rewrites ``import`` statements too, which Django leaves alone by default."""

    support_js_module_import_aggregation = True
