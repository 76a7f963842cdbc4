"""What holds for everybody on one server: access, limits, cores and the queue of jobs."""
