"""The deployment engine, without servers: real programs through the real SDK, and a provider in memory."""
