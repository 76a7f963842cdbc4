"""What every page is made of: the selection, controls, tables and charts, queued jobs."""
