"""The program's building blocks: settings, custom resources, and one module for each outside system."""
