"""What the garbage collector walks through in the long-lived processes."""

import gc

# Of Python's 700 containers nearly all are still in use: a turn alone makes thousands.
CONTAINERS_BETWEEN_LOOKS = 10_000
# Each third look goes through what outlived one, each third of those through all: Python's own
# tenth of a tenth would come once in a million containers, and garbage would wait for hours.
LOOKS_BETWEEN_WIDER = 3


def spare_what_is_loaded() -> None:
    """Let the collector leave alone what is there by now, and look less often at what comes.

    Modules, models and vocabularies stay for a process's whole life. To walk through all of
    them takes a tenth of a second in which nothing else runs, and frees nothing.
    """
    gc.collect()
    gc.freeze()
    # Python goes through all only once a quarter as much has come as it found the last time; that
    # was everything loaded, and now it is what is left. Without this it would hardly ever happen.
    gc.collect()
    gc.set_threshold(CONTAINERS_BETWEEN_LOOKS, LOOKS_BETWEEN_WIDER, LOOKS_BETWEEN_WIDER)
