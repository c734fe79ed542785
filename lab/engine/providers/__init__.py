"""The providers that the engine knows, each behind the small protocol in `base`."""
