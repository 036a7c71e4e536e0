"""The pages for reps and managers: rendered here, without a build step; what is decided is decided elsewhere."""
