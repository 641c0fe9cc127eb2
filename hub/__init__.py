"""The composition root: settings, the application and its lifespan, the command line."""
