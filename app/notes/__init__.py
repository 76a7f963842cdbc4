"""Notes and tags on images: `panel` draws those of one beside it, `listing` those of a run."""

from app.notes.panel import beside as beside
from app.notes.panel import listing as listing
from app.notes.panel import of as of
from app.notes.panel import panel as panel
