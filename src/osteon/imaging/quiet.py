"""Keep the readers' own warnings off the terminal: they come by the thousand and quote headers."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pydicom.config

_LIBRARIES = ("pydicom", "nibabel.global", "pylibjpeg")

# At DEBUG level Pillow logs the names of all chunks and tags of a file, odd ones included.
logging.getLogger("PIL").setLevel(logging.WARNING)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence warnings and loggers of the decoders inside the block, and restore them after it.

    pydicom's value checks are switched off as well: an odd value of a tag that nobody needs must
    not cost the image, and its messages would quote the value.
    """
    loggers = [logging.getLogger(name) for name in _LIBRARIES]
    disabled = [logger.disabled for logger in loggers]
    mode = pydicom.config.settings.reading_validation_mode
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
            for logger in loggers:
                logger.disabled = True
            yield
        finally:
            pydicom.config.settings.reading_validation_mode = mode
            for logger, was in zip(loggers, disabled, strict=True):
                logger.disabled = was
